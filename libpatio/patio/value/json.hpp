/// JSON (RFC 8259) to values and back, with the meaning that Python's json module gives to it. Pure
/// functions.
#pragma once

#include <string>
#include <string_view>

#include <patio/base/api.hpp>
#include <patio/value/error.hpp>
#include <patio/value/value.hpp>

namespace PATIO_INTERNAL_API patio {

/// Parses a whole JSON text, as json.loads() does: a number without a point and an exponent is an
/// integer of at most 4300 digits, NaN, Infinity and -Infinity are floats, and the escape of a lone
/// surrogate is a lone surrogate. Fails with errc::invalid for anything else, for more than
/// value::max_depth open brackets, and for a name that comes twice in an object.
[[nodiscard]] result<value> parse_json(std::string_view text);

/// Writes the text that json.dumps(v, allow_nan=False) returns: ASCII, ", " and ": " as separators,
/// tuples as arrays, and the keys None, True, 1 and 1.5 as the names "null", "true", "1" and "1.5".
/// Fails with errc::invalid for a value without a JSON form: other types, NaN and infinity, dicts
/// of which two keys have the same name, and a str with a high and a low surrogate that are two
/// characters, because JSON reads them as one.
[[nodiscard]] result<std::string> to_json(const value& v);

/// Writes a str as a JSON string. Surrogates become the escapes of their numbers.
[[nodiscard]] std::string quote_json(std::string_view text);

} // namespace patio
