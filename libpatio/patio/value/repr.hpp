/// Python's repr() and str() of a value. Pure functions; any thread.
#pragma once

#include <string>

#include <patio/value/error.hpp>
#include <patio/value/value.hpp>

namespace patio {

/// Returns exactly what CPython 3.11's repr() prints, with two exceptions. A set prints in the
/// order in which it holds its items. An object of a class outside Python's library prints as <path
/// and parts>. Fails with errc::invalid if the value weighs more than value::expansion_limit, or if
/// the digits of its integers would take more than about two seconds.
[[nodiscard]] result<std::string> repr(const value& v);

/// Returns repr() for logs and messages, on one line, cut with "..." at `length` bytes. It never
/// fails. An integer shows its size instead of its digits if it has more than 4300 digits, or if it
/// has more than 616 digits and does not fit.
[[nodiscard]] std::string brief(const value& v, std::size_t length = 200);

/// Returns brief() of a text, with control characters escaped: for messages that quote text from
/// outside.
[[nodiscard]] inline std::string quoted(std::string_view text, std::size_t length = 80) {
  return brief(value{text}, length);
}

/// Returns Python's str(): the text of a str, or the message of an exception (for KeyError('x') the
/// message is "'x'"). Returns brief() for a value that repr() refuses, and for an exception that
/// weighs more than 64 KiB, unless its only argument is a str.
[[nodiscard]] std::string to_str(const value& v);

} // namespace patio
