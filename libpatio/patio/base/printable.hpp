/// Decides which characters Python's repr() prints unchanged, and writes the escapes of all other
/// characters. Any thread may call these functions.
#pragma once

#include <string>

#include <patio/base/api.hpp>

namespace PATIO_INTERNAL_API patio {

/// Returns the result of str.isprintable() in CPython 3.11 for one code point. Surrogates and
/// unassigned code points are not printable.
[[nodiscard]] bool is_printable(char32_t c) noexcept;

/// Appends the low 4 * `digits` bits of `c` as hexadecimal digits.
inline void append_hex(std::string& out, char32_t c, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
    out += "0123456789abcdef"[(c >> shift) & 15];
}

/// Appends "\xff", "\u20ac" or "\U0001f600": the shortest escape that holds `c`.
inline void append_code_point(std::string& out, char32_t c) {
  int digits = c <= 0xff ? 2 : c <= 0xffff ? 4 : 8;
  out += digits == 2 ? "\\x" : digits == 4 ? "\\u" : "\\U";
  append_hex(out, c, digits);
}

} // namespace patio
