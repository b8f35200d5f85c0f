/// Well-behaved clients on one thread. Each client makes one call after another, mostly small
/// calls, and measures their times. It opens a new connection after some hundred calls. The
/// resolution of the times is one turn of the thread, a few microseconds.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <patio/protocol/endpoint.hpp>

namespace patio::tests {

struct good_outcome {
  std::vector<double> call_ms, large_call_ms; ///< times of the calls that succeeded
  std::vector<double> connect_ms;             ///< times from dialling to the end of the login
  std::vector<std::string> failures;
};

/// `share` is between 0 and 1. Returns 0 if there are no samples.
[[nodiscard]] double percentile(std::vector<double> samples, double share);

class good_clients {
public:
  good_clients(endpoint node, std::string key, std::size_t count);
  ~good_clients();

  /// Makes calls until `end`. Returns the calls and connections of this run only.
  [[nodiscard]] good_outcome run_until(std::chrono::steady_clock::time_point end);

private:
  class client;

  endpoint node_;
  std::string key_;
  good_outcome outcome_;
  std::vector<std::unique_ptr<client>> all_;
};

} // namespace patio::tests
