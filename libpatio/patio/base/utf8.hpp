/// UTF-8 text that may contain lone surrogates, as values and pickles do. A lone surrogate is
/// encoded as CPython's error handler "surrogatepass" encodes it. Any thread may call these
/// functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include <patio/base/api.hpp>

namespace PATIO_INTERNAL_API patio {

/// A code point and the number of its bytes. The size is 0 if the text does not begin with a code
/// point.
struct decoded_char {
  char32_t code;
  std::size_t size;
};

/// Decodes the first code point of a text. Overlong forms and numbers above U+10FFFF are not code
/// points.
[[nodiscard]] decoded_char decode_utf8(std::string_view text) noexcept;

/// Appends a code point, which must be at most U+10FFFF.
void append_utf8(std::string& out, char32_t c);

[[nodiscard]] constexpr bool is_surrogate(char32_t c) noexcept {
  return c >= 0xd800 && c <= 0xdfff;
}

[[nodiscard]] inline bool is_ascii(std::string_view text) noexcept {
  auto word_at = [&](std::size_t at) {
    std::uint64_t word{};
    std::memcpy(&word, text.data() + at, sizeof word);
    return word;
  };
  constexpr std::uint64_t high_bits = 0x8080808080808080;
  constexpr std::size_t word_bytes = sizeof high_bits;
  auto size = text.size();
  if (size >= word_bytes) {
    auto all = word_at(size - word_bytes); // may overlap the word before
    for (std::size_t at = 0; at + word_bytes <= size; at += word_bytes) all |= word_at(at);
    return (all & high_bits) == 0;
  }
  unsigned char all = 0;
  for (auto c : text) all |= static_cast<unsigned char>(c);
  return all < 0x80;
}

/// Returns true if the text consists of code points. Lone surrogates count as code points.
[[nodiscard]] inline bool is_utf8(std::string_view text) noexcept {
  if (is_ascii(text)) return true;
  while (!text.empty()) {
    auto c = decode_utf8(text);
    if (c.size == 0) return false;
    text.remove_prefix(c.size);
  }
  return true;
}

} // namespace patio
