/// One call, as the payload of a REQUEST frame carries it. Value types.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <patio/value/value.hpp>

namespace patio {

struct arguments {
  std::vector<value> positional;
  /// Keyword arguments in the caller's order; each name occurs once.
  std::vector<std::pair<std::string, value>> keywords;

  friend bool operator==(const arguments&, const arguments&) = default;
};

struct call_request {
  std::string function;
  arguments args;
  /// The time for the call in seconds, as a Python peer writes it: an int, a float or None. NaN,
  /// infinite, negative and huge numbers are possible; protocol/timeout.hpp gives their meaning.
  value timeout;

  friend bool operator==(const call_request&, const call_request&) = default;
};

} // namespace patio
