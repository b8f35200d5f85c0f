/// UTF-8 as values hold it: lone surrogates are allowed, encoded as CPython's "surrogatepass" does.
/// Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace patio {

/// A code point and how many bytes it took; 0 if the text does not begin with one.
struct decoded_char {
  char32_t code;
  std::size_t size;
};

/// The first code point of a text. Overlong forms and what lies above U+10FFFF are not code points.
[[nodiscard]] decoded_char decode_utf8(std::string_view text) noexcept;

/// `c` must be at most U+10FFFF.
void append_utf8(std::string& out, char32_t c);

[[nodiscard]] constexpr bool is_surrogate(char32_t c) noexcept {
  return c >= 0xd800 && c <= 0xdfff;
}

} // namespace patio
