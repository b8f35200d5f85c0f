/// A call as the payload of a REQUEST frame describes it. All types here are value types.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <patio/base/api.hpp>
#include <patio/value/value.hpp>

namespace PATIO_API patio {

struct arguments {
  std::vector<value> positional;
  /// Keyword arguments in the order of the caller. Each name occurs once.
  std::vector<std::pair<std::string, value>> keywords;

  friend bool operator==(const arguments&, const arguments&) = default;
};

/// Returns the sum of value::weight() of all arguments, plus the bytes of the keywords' names.
[[nodiscard]] inline std::uint64_t weight_of(const arguments& args) noexcept {
  std::uint64_t sum = 0;
  for (const auto& v : args.positional) sum += v.weight();
  for (const auto& [name, v] : args.keywords) sum += name.size() + v.weight();
  return sum;
}

struct call_request {
  std::string function;
  arguments args;
  /// The timeout in seconds. A Python peer writes an int, a float or None. NaN, infinite, negative
  /// and huge numbers are possible; protocol/timeout.hpp defines their meaning.
  value timeout;

  friend bool operator==(const call_request&, const call_request&) = default;
};

} // namespace patio
