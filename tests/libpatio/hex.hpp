/// Converts bytes to hexadecimal text and back, for tests that compare exact bytes.
#pragma once

#include <string>
#include <string_view>

[[nodiscard]] inline std::string from_hex(std::string_view text) {
  auto digit = [](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    bytes.push_back(static_cast<char>((digit(text[i]) << 4) | digit(text[i + 1])));
  return bytes;
}

[[nodiscard]] inline std::string to_hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (auto c : bytes) {
    auto code = static_cast<unsigned char>(c);
    text += {digits[code >> 4], digits[code & 15]};
  }
  return text;
}
