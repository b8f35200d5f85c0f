/// Parses Python literals on command lines: None, True, False, numbers of any size, strings and
/// bytes with prefixes and escapes, containers, set(), frozenset(...) and bytearray(b'...'). Also
/// accepts true, false, null, NaN and Infinity, as in JSON. The depth is limited to
/// value::max_depth. The parser evaluates nothing. A str that is twice a key of one dict is an
/// error, because one of its two values would be lost.
#pragma once

#include <string_view>

#include <patio/base/api.hpp>
#include <patio/value/error.hpp>
#include <patio/value/value.hpp>

namespace PATIO_INTERNAL_API patio {

/// Fails with errc::invalid. The message gives the byte offset and the expected input.
[[nodiscard]] result<value> parse_literal(std::string_view text);

/// Parses a text as JSON if it is JSON, else as a Python literal. A text that is both has the
/// meaning of JSON: "\ud83d\ude00" is one character, and "\/" is a slash.
[[nodiscard]] result<value> parse_value(std::string_view text);

/// Like parse_value, but a word that is neither JSON nor a literal becomes a str. Fails for a word
/// that is not UTF-8, and for a literal that patio cannot represent: it is nested too deeply, has
/// an integer with too many digits, a character by name (\N{...}) or a key twice.
[[nodiscard]] result<value> parse_word(std::string_view word);

} // namespace patio
