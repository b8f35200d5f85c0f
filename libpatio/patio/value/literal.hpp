/// Parses Python literals on command lines: numbers of any size, strings and bytes with prefixes
/// and escapes, None, True, False, containers, set(), frozenset(...), bytearray(b'...') and complex
/// numbers, and JSON's true, false, null, NaN and Infinity. The depth is limited to
/// value::max_depth, and nothing is evaluated.
#pragma once

#include <string_view>

#include <patio/value/error.hpp>
#include <patio/value/value.hpp>

namespace patio {

/// Fails with errc::invalid and a text with the byte offset and what was expected there.
[[nodiscard]] result<value> parse_literal(std::string_view text);

/// Parses a command-line word as a literal. A word that is not a literal becomes a str. A word that
/// begins like a container or a quoted string must be a literal: otherwise typos would go
/// unnoticed.
[[nodiscard]] result<value> parse_word(std::string_view word);

} // namespace patio
