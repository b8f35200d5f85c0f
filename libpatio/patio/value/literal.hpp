/// Parses Python literals on command lines: None, True, False, numbers of any size, strings and
/// bytes with prefixes and escapes, containers, set(), frozenset(...) and bytearray(b'...'). Also
/// accepts true, false, null, NaN and Infinity, as in JSON. The depth is limited to
/// value::max_depth. The parser evaluates nothing.
#pragma once

#include <string_view>

#include <patio/value/error.hpp>
#include <patio/value/value.hpp>

namespace patio {

/// Fails with errc::invalid. The message gives the byte offset and the expected input.
[[nodiscard]] result<value> parse_literal(std::string_view text);

/// Parses a command-line word as a literal. A word that is not a literal becomes a str. A word that
/// begins like a container or a quoted string must be a literal, so that a typo is an error.
[[nodiscard]] result<value> parse_word(std::string_view word);

} // namespace patio
