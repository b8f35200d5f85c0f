/// Packs C++ arguments into the arguments of a call. patio::kw makes a keyword argument:
///   patio::call(broker, "sub", 44, patio::kw("b", 2));
/// `patio::args` and `patio::kwargs` are unpacked, like *args and **kwargs in a call in Python.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include <patio/base/api.hpp>
#include <patio/convert/convert.hpp>
#include <patio/functions/function.hpp>
#include <patio/value/call_request.hpp>

namespace PATIO_API patio {
namespace detail {

/// Converts an argument. A string literal becomes a str.
template <class T>
[[nodiscard]] value argument_value(const T& argument) {
  if constexpr (std::is_convertible_v<const T&, std::string_view>)
    return value{std::string_view{argument}};
  else return to_value(argument);
}

} // namespace detail

struct keyword_argument {
  std::string name;
  value argument;
};

template <class T>
[[nodiscard]] keyword_argument kw(std::string name, const T& argument) {
  return {std::move(name), detail::argument_value(argument)};
}

namespace detail {

/// Throws std::invalid_argument if the name is taken.
void add_keyword(arguments& call, std::string name, value argument);

template <class A>
inline constexpr bool is_keyword = std::same_as<A, keyword_argument> || std::same_as<A, kwargs>;

/// True if no positional argument follows a keyword argument.
template <class... As>
constexpr bool keywords_come_last() {
  return std::ranges::is_sorted(std::array<bool, sizeof...(As)>{is_keyword<As>...});
}
template <>
constexpr bool keywords_come_last() {
  return true;
}

template <class A>
void pack_argument(arguments& call, const A& a) {
  if constexpr (std::same_as<A, keyword_argument>) {
    add_keyword(call, a.name, a.argument);
  } else if constexpr (std::same_as<A, kwargs>) {
    for (const auto& [name, v] : a) add_keyword(call, name, v);
  } else if constexpr (std::same_as<A, args>) {
    call.positional.insert(call.positional.end(), a.begin(), a.end());
  } else {
    call.positional.push_back(argument_value(a));
  }
}

} // namespace detail

/// Throws std::invalid_argument for two keyword arguments of one name.
template <class... As>
[[nodiscard]] arguments pack_arguments(const As&... args) {
  static_assert(detail::keywords_come_last<As...>(),
                "a positional argument follows a keyword argument");
  arguments call;
  call.positional.reserve(sizeof...(As));
  (detail::pack_argument(call, args), ...);
  return call;
}

} // namespace patio
