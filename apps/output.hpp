/// Prints values as Python literals or as JSON.
#pragma once

#include <string>

#include <patio/value/error.hpp>
#include <patio/value/value.hpp>

namespace patio::apps {

/// Prints the value in one line. Returns the exit code.
int print(const value& v, bool as_json);

/// Returns the text if a terminal may print it as it is, else the repr of the text.
[[nodiscard]] std::string displayable(std::string_view text);

} // namespace patio::apps
