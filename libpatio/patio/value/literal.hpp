/// Python literals to values, for command lines: numbers of any size, strings and bytes with their
/// prefixes and escapes, None, True, False, containers, set(), frozenset(...), bytearray(b'...'),
/// complex, and JSON's true, false, null, NaN, inf. Parses under a depth limit and calls nothing.
#pragma once

#include <string_view>

#include <patio/value/error.hpp>
#include <patio/value/value.hpp>

namespace patio {

/// Fails with errc::invalid, naming the byte offset and what was expected there.
[[nodiscard]] result<value> parse_literal(std::string_view text);

/// A command-line word: the literal it is, else the word itself as a str. A word that begins like a
/// container or quote but is none is an error rather than a str, as a typo would go unnoticed.
[[nodiscard]] result<value> parse_word(std::string_view word);

} // namespace patio
