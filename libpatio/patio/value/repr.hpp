/// Python's repr() and str() of a value.
#pragma once

#include <string>

#include <patio/value/error.hpp>
#include <patio/value/value.hpp>

namespace patio {

/// Exactly what CPython 3.11's repr() prints, for every kind (sets in the order held) but an object
/// of a class that Python's library does not have, which comes out as <path and parts>. Fails with
/// errc::invalid if the value expands beyond value::expansion_limit, or if the digits of its
/// integers would take more than about two seconds.
[[nodiscard]] result<std::string> repr(const value& v);

/// repr() for logs and messages: cut with "..." at `length` bytes, never fails, one line. Integers
/// of more than 4300 digits, or of more than 616 and more than there is room for, show their size
/// instead.
[[nodiscard]] std::string brief(const value& v, std::size_t length = 200);

/// A text the same way, its control characters escaped: for messages that quote what came from
/// outside.
[[nodiscard]] inline std::string quoted(std::string_view text, std::size_t length = 80) {
  return brief(value{text}, length);
}

/// str(): the text itself for a str, the message for an exception ("KeyError: 'x'" without its
/// class: "'x'"). What repr() refuses, and exceptions of more than 64 KiB in several parts, come
/// out as brief().
[[nodiscard]] std::string to_str(const value& v);

} // namespace patio
