/// Whether a text may stand in a pickle's str: UTF-8 with lone surrogates, as CPython reads and
/// writes it. Internal to the pickle reader and writer.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include <patio/base/utf8.hpp>

namespace patio::detail {

[[nodiscard]] inline bool is_ascii(std::string_view text) noexcept {
  constexpr std::uint64_t high_bits = 0x8080808080808080;
  std::uint64_t word{};
  for (; text.size() >= sizeof word; text.remove_prefix(sizeof word)) {
    std::memcpy(&word, text.data(), sizeof word);
    if ((word & high_bits) != 0) return false;
  }
  unsigned char all = 0;
  for (auto c : text) all |= static_cast<unsigned char>(c);
  return all < 0x80;
}

[[nodiscard]] inline bool is_utf8(std::string_view text) noexcept {
  if (is_ascii(text)) return true;
  while (!text.empty()) {
    auto c = decode_utf8(text);
    if (c.size == 0) return false;
    text.remove_prefix(c.size);
  }
  return true;
}

} // namespace patio::detail
