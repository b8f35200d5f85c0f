/// The names of functions as the compiler spells them, for automatic registry names.
#pragma once

#include <string>
#include <string_view>

namespace patio::detail {

/// Returns "geometry::norm" for gcc's "... [with auto Function = geometry::norm]", and for clang's
/// "... [Function = &geometry::norm]".
[[nodiscard]] constexpr std::string_view tail_of_signature(std::string_view pretty) noexcept {
  auto begin = pretty.find(" = ");
  auto text = pretty.substr(begin == std::string_view::npos ? 0 : begin + 3);
  if (!text.empty() && text.back() == ']') text.remove_suffix(1);
  if (!text.empty() && text.front() == '&') text.remove_prefix(1);
  return text;
}

// Returns const char*: with std::string_view as return type, gcc would append the definition of
// that alias to __PRETTY_FUNCTION__.

template <auto Function>
[[nodiscard]] constexpr const char* signature_with_function() noexcept {
  return __PRETTY_FUNCTION__;
}

template <auto Function>
[[nodiscard]] constexpr std::string_view function_name() noexcept {
  return tail_of_signature(signature_with_function<Function>());
}

} // namespace patio::detail
