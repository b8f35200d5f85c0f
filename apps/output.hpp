/// How values are printed: as Python literals, or as JSON where they have a JSON form.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include <patio/value/error.hpp>
#include <patio/value/value.hpp>

namespace patio::apps {

/// None is null; tuples and sets become arrays, keys that are no text their repr. Fails with
/// errc::invalid for what has no JSON form: bytes, complex, NaN and infinity, integers beyond 64
/// bits, text with lone surrogates.
[[nodiscard]] result<nlohmann::ordered_json> to_json(const value& v);

/// Prints a result line; returns the exit code.
int print(const value& v, bool json);

/// A text for a terminal: as it is, or as its repr if it has characters that Python would not
/// print.
[[nodiscard]] std::string displayable(std::string_view text);

} // namespace patio::apps
