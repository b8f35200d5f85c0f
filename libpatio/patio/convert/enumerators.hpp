/// Converts enums. convert.hpp includes this header. Declare the enumerators once, at global scope:
///   PATIO_ENUM(paint::color, red, green);
/// Python gets the name, "red", and may send the name or the number. A member of a Python Enum is
/// an object of a class of its own: pass its `name` or its `value`.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include <patio/base/api.hpp>
#include <patio/base/for_each.hpp>
#include <patio/convert/convert.hpp>

/// Declares the enumerators of an enum as `patio::enumerators`. Of two enumerators with one number,
/// Python gets the first.
#define PATIO_ENUM(Type, ...)                                                                      \
  template <>                                                                                      \
  inline constexpr auto patio::enumerators<Type> = [] {                                            \
    using patio_enum = Type;                                                                       \
    return std::array{PATIO_FOR_EACH(PATIO_ENUMERATOR, __VA_ARGS__)};                              \
  }()
#define PATIO_ENUMERATOR(name)                                                                     \
  patio::enumerator<patio_enum> { #name, patio_enum::name }

namespace PATIO_API patio {

template <class E>
struct enumerator {
  std::string_view name; ///< in Python
  E number;
};

/// An array of `enumerator`s for an enum that converts. Specialize this variable without PATIO_ENUM
/// if a name in Python is not the name in C++.
template <class E>
inline constexpr auto enumerators = nullptr;

namespace detail {

template <class E>
concept has_enumerators = std::is_enum_v<E> && requires {
  enumerators<E>.size();
};

/// Returns "'red', 'green' or 'blue'".
[[nodiscard]] std::string one_of(std::span<const std::string_view> names);
/// Returns the error for a str or int that is not among the enumerators.
[[nodiscard]] error not_among(std::span<const std::string_view> names,
                              std::span<const value> numbers, const value& v);

} // namespace detail

template <detail::has_enumerators E>
struct converter<E> {
  /// Throws std::invalid_argument, which arrives as ValueError, for a number without a name.
  static value to(E e) {
    for (const auto& one : enumerators<E>)
      if (one.number == e) return one.name;
    throw std::invalid_argument{"the enum " + not_among(number(e)).message};
  }
  static result<E> from(const value& v) {
    if (!v.is_text() && v.kind() != kind::integer) return tl::unexpected(mismatch(name(), v));
    for (const auto& one : enumerators<E>)
      if (v == (v.is_text() ? value{one.name} : number(one.number))) return one.number;
    return tl::unexpected(not_among(v));
  }
  static std::string name() { return detail::one_of(names()); }

private:
  static constexpr std::size_t size = enumerators<E>.size();

  static value number(E e) { return static_cast<std::underlying_type_t<E>>(e); }
  static std::array<std::string_view, size> names() {
    std::array<std::string_view, size> all;
    std::ranges::transform(enumerators<E>, all.begin(), &enumerator<E>::name);
    return all;
  }
  static error not_among(const value& v) {
    std::array<value, size> numbers;
    std::ranges::transform(enumerators<E>, numbers.begin(),
                           [](const auto& one) { return number(one.number); });
    return detail::not_among(names(), numbers, v);
  }
};

} // namespace patio
