/// Prints values as Python literals or as JSON.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include <patio/value/error.hpp>
#include <patio/value/value.hpp>

namespace patio::apps {

/// None becomes null, tuples and sets become arrays, and a key that is not text becomes its repr.
/// Fails with errc::invalid for a value without a JSON form: bytes, complex, NaN and infinity,
/// integers beyond 64 bits, and text with lone surrogates.
[[nodiscard]] result<nlohmann::ordered_json> to_json(const value& v);

/// Prints the value in one line. Returns the exit code.
int print(const value& v, bool as_json);

/// Returns the text if a terminal may print it as it is, else the repr of the text.
[[nodiscard]] std::string displayable(std::string_view text);

} // namespace patio::apps
