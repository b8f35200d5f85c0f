/// Converts C++ types to Python values and back. A `value` converts to itself without a copy of its
/// data. For your own type, specialize `converter`; to convert a struct to a dict, list its members
/// in `fields`. Any thread may call these functions. The message of a conversion error has no
/// subject, so that a caller can put one in front: "must be int, not str", "item 2 must be int, not
/// None".
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <variant>

#include <patio/base/api.hpp>
#include <patio/value/error.hpp>
#include <patio/value/integer.hpp>
#include <patio/value/value.hpp>

namespace PATIO_API patio {

/// A converter has three functions; `name` returns Python's name of the type:
///   static value to(const T& x);
///   static result<T> from(const value& v);
///   static std::string name();
template <class T>
struct converter;

/// Returns the error for a value that weighs more than value::expansion_limit.
[[nodiscard]] error expands_too_far();

template <class T>
[[nodiscard]] value to_value(const T& x) {
  return converter<T>::to(x);
}

/// Converts a value. The conversion copies a shared part of `v` each time the part occurs. A value
/// that weighs more than value::expansion_limit is therefore refused, unless T is `value`.
template <class T>
[[nodiscard]] result<T> from_value(const value& v) {
  if constexpr (!std::same_as<T, value>)
    if (v.is_container() && v.weight() > value::expansion_limit)
      return tl::unexpected(expands_too_far());
  return converter<T>::from(v);
}

template <class T>
concept convertible = requires(const T& x, const value& v) {
  { converter<T>::to(x) } -> std::same_as<value>;
  { converter<T>::from(v) } -> std::same_as<result<T>>;
};

/// Returns the error "must be EXPECTED, not TYPE", in Python's wording. TYPE is the type of `v`.
[[nodiscard]] error mismatch(const std::string& expected, const value& v);

/// A member of a struct, and its name as a dict key.
template <class Class, class Member>
struct field {
  const char* name;
  Member Class::*member;
};
template <class Class, class Member>
field(const char*, Member Class::*) -> field<Class, Member>;

/// Specialize this variable to convert a struct to a dict and back:
///   template <>
///   inline constexpr auto patio::fields<point> =
///     std::tuple{patio::field{"x", &point::x}, patio::field{"y", &point::y}};
template <class T>
inline constexpr auto fields = nullptr;

/// A dict with a key that `fields` does not name is refused: the key may be misspelt, and its value
/// would be lost. Specialize this as true to ignore such keys, for instance if newer peers send a
/// field that this program does not have:
///   template <>
///   inline constexpr bool patio::ignore_unknown_keys<point> = true;
template <class T>
inline constexpr bool ignore_unknown_keys = false;

namespace detail {

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T>
concept has_fields = !std::same_as<std::remove_cv_t<decltype(fields<T>)>, std::nullptr_t>;

[[nodiscard]] result<std::int64_t> integer_in_range(const value& v, std::int64_t low,
                                                    std::int64_t high);
[[nodiscard]] result<std::uint64_t> unsigned_in_range(const value& v, std::uint64_t high);
[[nodiscard]] result<double> any_real(const value& v);
[[nodiscard]] result<std::string> text_of(const value& v);
/// Returns a number of seconds that fits into 64 bits of nanoseconds, or an error.
[[nodiscard]] result<std::chrono::duration<double>> seconds_of(const value& v);
[[nodiscard]] error duration_does_not_fit(double seconds);
/// Returns an error for the first key that is not among the known ones. `noun` names what a key is
/// to the peer, "key" or "attribute".
[[nodiscard]] std::optional<error>
unknown_key(const value& dict, std::span<const std::string_view> known, std::string_view noun);
/// Puts a place in front of the message of an error: "item 2 must be int, not None".
[[nodiscard]] error within(const std::string& place, error inner);
/// Returns the items of a list or tuple. If `sets` is true, returns the items of a set or frozenset
/// instead. Fails for any other value.
[[nodiscard]] result<std::span<const value>>
sequence_items(const value& v, const std::string& expected, bool sets = false);

} // namespace detail

template <>
struct converter<value> {
  static value to(const value& v) { return v; }
  static result<value> from(const value& v) { return v; }
  static std::string name() { return "object"; }
};

template <>
struct converter<bool> {
  static value to(bool b) { return b; }
  static result<bool> from(const value& v) {
    if (v.kind() == kind::boolean) return v.as_bool();
    return tl::unexpected(mismatch("bool", v));
  }
  static std::string name() { return "bool"; }
};

template <std::integral I>
  requires(!std::same_as<I, bool>)
struct converter<I> {
  static value to(I i) { return i; }
  static result<I> from(const value& v) {
    auto cast = [](auto wide) { return static_cast<I>(wide); };
    using range = std::numeric_limits<I>;
    if constexpr (std::is_signed_v<I>)
      return detail::integer_in_range(v, range::min(), range::max()).map(cast);
    else return detail::unsigned_in_range(v, range::max()).map(cast);
  }
  static std::string name() { return "int"; }
};

template <std::floating_point F>
struct converter<F> {
  static value to(F f) { return f; }
  static result<F> from(const value& v) {
    return detail::any_real(v).map([](double d) { return static_cast<F>(d); });
  }
  static std::string name() { return "float"; }
};

template <>
struct converter<integer> {
  static value to(const integer& i) { return i; }
  static result<integer> from(const value& v) {
    if (v.kind() == kind::integer) return v.as_integer();
    if (v.kind() == kind::boolean) return integer{v.as_bool() ? 1 : 0};
    return tl::unexpected(mismatch("int", v));
  }
  static std::string name() { return "int"; }
};

template <>
struct converter<std::complex<double>> {
  static value to(std::complex<double> c) { return c; }
  static result<std::complex<double>> from(const value& v) {
    if (v.kind() == kind::complex) return v.as_complex();
    return detail::any_real(v).map([](double d) { return std::complex<double>{d}; });
  }
  static std::string name() { return "complex"; }
};

template <>
struct converter<std::string> {
  static value to(const std::string& s) { return s; }
  static result<std::string> from(const value& v) { return detail::text_of(v); }
  static std::string name() { return "str"; }
};

template <>
struct converter<std::monostate> { ///< Python's None
  static value to(std::monostate) { return {}; }
  static result<std::monostate> from(const value& v) {
    if (v.is_none()) return std::monostate{};
    return tl::unexpected(mismatch("None", v));
  }
  static std::string name() { return "None"; }
};

template <convertible T>
struct converter<std::optional<T>> {
  static value to(const std::optional<T>& x) { return x ? to_value(*x) : value{}; }
  static result<std::optional<T>> from(const value& v) {
    if (v.is_none()) return std::optional<T>{};
    return from_value<T>(v).map([](T x) { return std::optional<T>{std::move(x)}; });
  }
  static std::string name() { return converter<T>::name() + " or None"; }
};

template <convertible... Ts>
struct converter<std::variant<Ts...>> { ///< converts to the first alternative that fits
  static value to(const std::variant<Ts...>& x) {
    return std::visit([](const auto& alternative) { return to_value(alternative); }, x);
  }
  static result<std::variant<Ts...>> from(const value& v) {
    return first_that_fits(v, std::index_sequence_for<Ts...>{});
  }
  static std::string name() {
    std::string all;
    ((all += (all.empty() ? "" : " or ") + converter<Ts>::name()), ...);
    return all;
  }

private:
  template <std::size_t... Is>
  static result<std::variant<Ts...>> first_that_fits(const value& v, std::index_sequence<Is...>) {
    std::optional<std::variant<Ts...>> found;
    std::array<error, sizeof...(Ts)> reasons;
    auto attempt = [&]<std::size_t I, class T>(std::in_place_index_t<I> index,
                                               std::type_identity<T>) {
      auto x = from_value<T>(v);
      if (x) found.emplace(index, std::move(*x));
      else reasons[I] = std::move(x.error());
      return x.has_value();
    };
    if ((attempt(std::in_place_index<Is>, std::type_identity<Ts>{}) || ...))
      return std::move(*found);
    return tl::unexpected(misfit(v, reasons));
  }

  /// An alternative of the value's own kind has a better reason than the kind.
  static error misfit(const value& v, std::span<const error> reasons) {
    std::string text;
    auto add = [&](const error& reason, const std::string& expected) {
      if (reason.message != mismatch(expected, v).message)
        text += (text.empty() ? "" : ", or ") + reason.message;
    };
    auto reason = reasons.begin();
    (add(*reason++, converter<Ts>::name()), ...);
    return text.empty() ? mismatch(name(), v) : error{errc::undecodable, std::move(text), {}};
  }
};

/// A duration is a number of seconds, like Python's timeouts: an int if the count is integral and
/// the unit is one or more whole seconds, else a float.
template <class Rep, class Period>
struct converter<std::chrono::duration<Rep, Period>> {
  using duration = std::chrono::duration<Rep, Period>;
  static value to(duration d) {
    if constexpr (std::integral<Rep> && Period::den == 1)
      return std::chrono::duration_cast<std::chrono::seconds>(d).count();
    else return std::chrono::duration<double>(d).count();
  }
  static result<duration> from(const value& v) {
    return detail::seconds_of(v).and_then([](std::chrono::duration<double> s) -> result<duration> {
      if constexpr (!std::integral<Rep>) return duration{s};
      else if (s <= duration::min() || s >= duration::max())
        return tl::unexpected(detail::duration_does_not_fit(s.count()));
      else return std::chrono::round<duration>(s);
    });
  }
  static std::string name() { return "float"; }
};

namespace detail {

template <has_fields T>
struct fields_converter {
  static value to(const T& x) {
    std::vector<dict_entry> entries;
    auto add = [&](const auto& f) { entries.emplace_back(value{f.name}, to_value(x.*f.member)); };
    std::apply([&](const auto&... each) { (add(each), ...); }, fields<T>);
    return value::dict(std::move(entries));
  }
  /// A dict may omit a member of type std::optional.
  static result<T> from(const value& v) { return from_dict(v, "key"); }
  /// For `noun`, see unknown_key.
  static result<T> from_dict(const value& v, std::string_view noun) {
    if (v.kind() != kind::dict) return tl::unexpected(mismatch(name(), v));
    T x{};
    std::optional<error> why;
    if constexpr (!ignore_unknown_keys<T>) why = unknown_key(v, names(), noun);
    if (!why)
      std::apply([&](const auto&... each) { (void)(take(v, each, x, why) && ...); }, fields<T>);
    if (why) return tl::unexpected(std::move(*why));
    return x;
  }
  static std::string name() { return "dict"; }

private:
  static auto names() {
    constexpr auto size = std::tuple_size_v<std::remove_cv_t<decltype(fields<T>)>>;
    return std::apply(
      [](const auto&... each) { return std::array<std::string_view, size>{each.name...}; },
      fields<T>);
  }

  template <class Class, class Member>
  static bool take(const value& dict, const field<Class, Member>& f, T& x,
                   std::optional<error>& why) {
    const auto* found = dict.find(f.name);
    if (!found && is_optional<Member>) return true;
    auto member = found ? from_value<Member>(*found) : fail(errc::undecodable, "is missing");
    if (member) x.*f.member = std::move(*member);
    else why = within(std::string{"'"} + f.name + "'", std::move(member.error()));
    return member.has_value();
  }
};

} // namespace detail

template <detail::has_fields T>
struct converter<T> : detail::fields_converter<T> {};

} // namespace patio

#include <patio/convert/containers.hpp> // IWYU pragma: export
