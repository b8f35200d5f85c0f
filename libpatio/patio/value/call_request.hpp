/// A call as the payload of a REQUEST frame describes it. All types here are value types.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <patio/value/value.hpp>

namespace patio {

struct arguments {
  std::vector<value> positional;
  /// Keyword arguments in the order of the caller. Each name occurs once.
  std::vector<std::pair<std::string, value>> keywords;

  friend bool operator==(const arguments&, const arguments&) = default;
};

struct call_request {
  std::string function;
  arguments args;
  /// The timeout in seconds. A Python peer writes an int, a float or None. NaN, infinite, negative
  /// and huge numbers are possible; protocol/timeout.hpp defines their meaning.
  value timeout;

  friend bool operator==(const call_request&, const call_request&) = default;
};

} // namespace patio
