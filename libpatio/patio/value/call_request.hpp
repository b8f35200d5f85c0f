/// One call, as the payload of a REQUEST frame carries it. A value type.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <patio/value/value.hpp>

namespace patio {

/// Positional and keyword arguments of a call. `keywords` keeps their order and has each name once.
struct arguments {
  std::vector<value> positional;
  std::vector<std::pair<std::string, value>> keywords;

  friend bool operator==(const arguments&, const arguments&) = default;
};

/// Time for a call, in seconds as a Python peer would write it: an int, a float or None.
/// NaN, infinite, negative and huge numbers arrive here; `protocol/timeout.hpp` says what they
/// mean.
struct call_request {
  std::string function;
  arguments args;
  value timeout;

  friend bool operator==(const call_request&, const call_request&) = default;
};

} // namespace patio
