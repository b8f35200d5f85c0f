/// Which characters Python's repr() writes as they are, and its way of writing the others. Pure
/// functions.
#pragma once

#include <string>

namespace patio {

/// str.isprintable() of CPython 3.11 for one code point: false for surrogates and for what is
/// unassigned.
[[nodiscard]] bool is_printable(char32_t c) noexcept;

/// The low 4 * `digits` bits.
inline void append_hex(std::string& out, char32_t c, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
    out += "0123456789abcdef"[(c >> shift) & 15];
}

/// "\xff", "\u20ac" or "\U0001f600", the shortest that holds `c`.
inline void append_code_point(std::string& out, char32_t c) {
  if (c <= 0xff) out += "\\x", append_hex(out, c, 2);
  else if (c <= 0xffff) out += "\\u", append_hex(out, c, 4);
  else out += "\\U", append_hex(out, c, 8);
}

} // namespace patio
