/// Python's repr() and str() of a value. Pure functions; any thread may call them.
#pragma once

#include <cstdint>
#include <string>

#include <patio/base/api.hpp>
#include <patio/value/error.hpp>
#include <patio/value/value.hpp>

namespace PATIO_API patio {

/// Decimal conversion takes time that grows with the square of an integer's size. The sum of the
/// squared sizes in bytes is at most this for one printed value. Work at this limit takes about two
/// seconds: one integer of 185 kB, or 500 integers of 8 kB. CPython itself refuses to print
/// integers of more than 1786 bytes (4300 digits), so only attacks and experiments reach the limit.
inline constexpr std::uint64_t max_digit_work = std::uint64_t{1} << 35;

/// Returns the same text as CPython 3.11's repr(), with two exceptions. A set prints its items in
/// the order in which the value stores them. An object of a class outside Python's library prints
/// as the class path and the parts, in angle brackets. Fails with errc::invalid if the value weighs
/// more than value::expansion_limit, or if the conversion of its integers to decimal would take
/// more than about two seconds.
[[nodiscard]] result<std::string> repr(const value& v);

/// Returns repr() for logs and messages, on one line, truncated with "..." to `length` bytes. Never
/// fails. An integer of more than 4300 digits prints as its size. An integer of more than 616
/// digits also prints as its size if its digits would not fit.
[[nodiscard]] std::string brief(const value& v, std::size_t length = 200);

/// Returns a text in quotes with control characters escaped, for messages that quote untrusted
/// text.
[[nodiscard]] inline std::string quoted(std::string_view text, std::size_t length = 80) {
  return brief(value{text}, length);
}

/// Returns Python's str(): the text of a str, the message of an exception, and otherwise repr().
/// For KeyError('x') the message is "'x'". Classes of Python's library have their own messages. A
/// class of a program with a __str__ shows its arguments, because a pickle contains no code.
/// Returns brief() for a value that repr() refuses, and for an exception whose message would show
/// more than 64 KiB of arguments. The weight does not matter if the only argument of the exception
/// is a str.
[[nodiscard]] std::string to_str(const value& v);

} // namespace patio
