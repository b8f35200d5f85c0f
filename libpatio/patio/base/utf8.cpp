#include <patio/base/utf8.hpp>

#include <array>
#include <bit>

namespace patio {

decoded_char decode_utf8(std::string_view text) noexcept {
  constexpr decoded_char none{0, 0};
  if (text.empty()) return none;
  auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x80) return {lead, 1};
  auto size = static_cast<std::size_t>(std::countl_one(lead));
  if (size < 2 || size > 4 || text.size() < size) return none;
  auto code = static_cast<char32_t>(lead & (0x7f >> size));
  for (auto c : text.substr(1, size - 1)) {
    if ((c & 0xc0) != 0x80) return none;
    code = (code << 6) | static_cast<char32_t>(c & 0x3f);
  }
  constexpr std::array<char32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
  if (code < smallest[size] || code > 0x10ffff) return none;
  return {code, size};
}

void append_utf8(std::string& out, char32_t c) {
  auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((c >> shift) & 0x3f)); };
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | (c >> 6));
    tail(0);
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | (c >> 12));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xf0 | (c >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

} // namespace patio
