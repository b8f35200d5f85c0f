/// The converters of the standard containers; convert.hpp includes this header. std::vector, deque,
/// list and array are lists in Python. std::tuple and pair are tuples; std::set and unordered_set
/// are sets; std::map and unordered_map are dicts. A vector of std::byte or unsigned char is bytes.
/// A container converts if its items do. An unordered container fails to convert if too many keys
/// collide, because a peer can choose the keys.
#pragma once

#include <array>
#include <deque>
#include <list>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <patio/convert/convert.hpp>
#include <patio/value/array.hpp>

namespace patio {
namespace detail {

template <class T>
concept byte_like = std::same_as<T, std::byte> || std::same_as<T, unsigned char>;

/// Converts any container with push_back to a list, and from a list or tuple.
template <class C>
struct list_converter {
  using element = typename C::value_type;
  static value to(const C& c) {
    std::vector<value> items;
    items.reserve(c.size());
    for (const auto& x : c) items.push_back(to_value<element>(x));
    return value::list(std::move(items));
  }
  /// A container of numbers also takes an array.array.
  static result<C> from(const value& v) {
    if constexpr (std::is_arithmetic_v<element>)
      if (auto numbers = array_of(v))
        return collect(numbers->size(), [&](std::size_t i) { return numbers->at(i); });
    auto items = sequence_items(v, name());
    if (!items) return tl::unexpected(std::move(items.error()));
    return collect(items->size(), [&](std::size_t i) -> const value& { return (*items)[i]; });
  }
  static std::string name() { return "list"; }

private:
  template <class ItemAt> // value ItemAt(index)
  static result<C> collect(std::size_t count, const ItemAt& item_at) {
    C c{};
    for (std::size_t i = 0; i < count; ++i) {
      auto x = from_value<element>(item_at(i));
      if (!x) return tl::unexpected(within(item_place(i), std::move(x.error())));
      c.push_back(std::move(*x));
    }
    return c;
  }
};

/// Returns true if the key's bucket of a hash table is too full. Returns false for a container
/// without buckets.
template <class C, class Key>
bool is_flooded(const C& c, const Key& key) {
  constexpr std::size_t max = 100;
  if constexpr (requires { c.bucket_size(c.bucket(key)); })
    return c.bucket_size(c.bucket(key)) > max;
  else return false;
}

[[nodiscard]] error too_many_collisions();

template <class C>
struct set_converter {
  using element = typename C::value_type;
  static value to(const C& c) {
    std::vector<value> items;
    for (const auto& x : c) items.push_back(to_value(x));
    return value::set(std::move(items));
  }
  static result<C> from(const value& v) {
    auto items = sequence_items(v, name(), true);
    if (!items) return tl::unexpected(std::move(items.error()));
    C c;
    for (const auto& item : *items) {
      auto x = from_value<element>(item);
      if (!x) return tl::unexpected(within("an item", std::move(x.error())));
      if (is_flooded(c, *x)) return tl::unexpected(too_many_collisions());
      c.insert(std::move(*x));
    }
    return c;
  }
  static std::string name() { return "set"; }
};

template <class C>
struct dict_converter {
  using key = typename C::key_type;
  using mapped = typename C::mapped_type;
  static value to(const C& c) {
    std::vector<dict_entry> entries;
    for (const auto& [k, m] : c) entries.emplace_back(to_value(k), to_value(m));
    return value::dict(std::move(entries));
  }
  static result<C> from(const value& v) {
    if (v.kind() != kind::dict) return tl::unexpected(mismatch(name(), v));
    C c;
    for (const auto& [k, m] : v.entries()) {
      auto as_key = from_value<key>(k);
      if (!as_key) return tl::unexpected(within(key_place(k), std::move(as_key.error())));
      auto as_mapped = from_value<mapped>(m);
      if (!as_mapped) return tl::unexpected(within(value_place(k), std::move(as_mapped.error())));
      if (is_flooded(c, *as_key)) return tl::unexpected(too_many_collisions());
      c.insert_or_assign(std::move(*as_key), std::move(*as_mapped));
    }
    return c;
  }
  static std::string name() { return "dict"; }
};

template <class Tuple, class... Ts>
struct tuple_converter {
  static value to(const Tuple& t) {
    return std::apply([](const auto&... each) { return value::tuple({to_value(each)...}); }, t);
  }
  static result<Tuple> from(const value& v) {
    auto items = sequence_items(v, name());
    if (!items) return tl::unexpected(std::move(items.error()));
    if (items->size() != sizeof...(Ts))
      return fail(errc::undecodable, "must have " + std::to_string(sizeof...(Ts)) + " items, not "
                                       + std::to_string(items->size()));
    return build(*items, std::index_sequence_for<Ts...>{});
  }
  static std::string name() { return "tuple"; }

private:
  template <std::size_t... Is>
  static result<Tuple> build([[maybe_unused]] std::span<const value> items,
                             std::index_sequence<Is...>) {
    std::tuple<result<Ts>...> parts{from_value<Ts>(items[Is])...};
    std::optional<error> why;
    [[maybe_unused]] auto check = [&](std::size_t i, auto& part) {
      if (!part && !why) why = within(item_place(i), std::move(part.error()));
    };
    (check(Is, std::get<Is>(parts)), ...);
    if (why) return tl::unexpected(std::move(*why));
    return Tuple{std::move(*std::get<Is>(parts))...};
  }
};

} // namespace detail

template <convertible T, class A>
  requires(!detail::byte_like<T>)
struct converter<std::vector<T, A>> : detail::list_converter<std::vector<T, A>> {};
template <convertible T, class A>
struct converter<std::deque<T, A>> : detail::list_converter<std::deque<T, A>> {};
template <convertible T, class A>
struct converter<std::list<T, A>> : detail::list_converter<std::list<T, A>> {};
template <convertible T, class C, class A>
struct converter<std::set<T, C, A>> : detail::set_converter<std::set<T, C, A>> {};
template <convertible T, class H, class E, class A>
struct converter<std::unordered_set<T, H, E, A>>
    : detail::set_converter<std::unordered_set<T, H, E, A>> {};
template <convertible K, convertible M, class C, class A>
struct converter<std::map<K, M, C, A>> : detail::dict_converter<std::map<K, M, C, A>> {};
template <convertible K, convertible M, class H, class E, class A>
struct converter<std::unordered_map<K, M, H, E, A>>
    : detail::dict_converter<std::unordered_map<K, M, H, E, A>> {};
template <convertible... Ts>
struct converter<std::tuple<Ts...>> : detail::tuple_converter<std::tuple<Ts...>, Ts...> {};
template <convertible A, convertible B>
struct converter<std::pair<A, B>> : detail::tuple_converter<std::pair<A, B>, A, B> {};

template <class T, std::size_t N>
  requires convertible<std::vector<T>>
struct converter<std::array<T, N>> {
  static value to(const std::array<T, N>& a) {
    return to_value(std::vector<T>(a.begin(), a.end()));
  }
  static result<std::array<T, N>> from(const value& v) {
    auto items = from_value<std::vector<T>>(v);
    if (!items) return tl::unexpected(std::move(items.error()));
    if (items->size() != N)
      return fail(errc::undecodable, "must have " + std::to_string(N) + " items, not "
                                       + std::to_string(items->size()));
    std::array<T, N> a{};
    std::move(items->begin(), items->end(), a.begin());
    return a;
  }
  static std::string name() { return converter<std::vector<T>>::name(); }
};

template <detail::byte_like B, class A>
struct converter<std::vector<B, A>> {
  using bytes = std::vector<B, A>;
  static value to(const bytes& b) {
    return value::bytes({reinterpret_cast<const char*>(b.data()), b.size()});
  }
  static result<bytes> from(const value& v) {
    if (v.kind() != kind::bytes && v.kind() != kind::bytearray)
      return tl::unexpected(mismatch(name(), v));
    const auto* first = reinterpret_cast<const B*>(v.data().data());
    return bytes(first, first + v.data().size());
  }
  static std::string name() { return "bytes"; }
};

} // namespace patio
