/// Converts structs to dicts and back. convert.hpp includes this header. Declare the members of a
/// struct once, at global scope:
///   PATIO_FIELDS(geometry::point, x, y);
/// Python then sends and gets {"x": 1.0, "y": 2.0}. The members may be structs with fields, and
/// containers of them. With `python_class` (python_values.hpp) in addition, Python sends and gets
/// an object of its own class instead.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <tuple>
#include <vector>

#include <patio/base/api.hpp>
#include <patio/base/for_each.hpp>
#include <patio/convert/convert.hpp>

/// Declares the members of a struct as `patio::fields`. `Type` has no comma: name a specialization
/// of a template with `using` first.
#define PATIO_FIELDS(Type, ...)                                                                    \
  template <>                                                                                      \
  inline constexpr auto patio::fields<Type> = [] {                                                 \
    using patio_struct [[maybe_unused]] = Type;                                                    \
    return std::tuple{PATIO_FOR_EACH(PATIO_FIELD, __VA_ARGS__)};                                   \
  }()
#define PATIO_FIELD(member)                                                                        \
  patio::field { #member, &patio_struct::member }

namespace PATIO_API patio {

/// A member of a struct, and its name as a dict key.
template <class Class, class Member>
struct field {
  const char* name;
  Member Class::*member;
};
template <class Class, class Member>
field(const char*, Member Class::*) -> field<Class, Member>;

/// A tuple of `field`s for a struct that converts. Specialize this variable without PATIO_FIELDS if
/// a key is not the name of its member:
///   template <>
///   inline constexpr auto patio::fields<order> =
///     std::tuple{patio::field{"id", &order::number}, patio::field{"items", &order::items}};
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
concept has_fields = !std::same_as<std::remove_cv_t<decltype(fields<T>)>, std::nullptr_t>;

/// Returns an error for the first key that is not among the known ones. `noun` names what a key is
/// to the peer, "key" or "attribute".
[[nodiscard]] std::optional<error>
unknown_key(const value& dict, std::span<const std::string_view> known, std::string_view noun);

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
    else why = within(std::string{"."} + f.name, std::move(member.error()));
    return member.has_value();
  }
};

} // namespace detail

template <detail::has_fields T>
struct converter<T> : detail::fields_converter<T> {};

} // namespace patio
