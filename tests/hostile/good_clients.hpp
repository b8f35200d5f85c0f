/// Peers as they should be: each makes one small call after another, seldom a large one, now and
/// then over a new connection, and takes the time. On one thread; how long a call took is known to
/// the resolution of that thread's turns, a few microseconds.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <patio/protocol/endpoint.hpp>

namespace patio::tests {

struct good_outcome {
  std::vector<double> call_ms, large_call_ms; ///< each that ended well
  std::vector<double> connect_ms;             ///< from the dialling to the first call
  std::vector<std::string> failures;
};

/// 0 < share < 1; 0 of nothing.
[[nodiscard]] double percentile(std::vector<double> of, double share);

class good_clients {
public:
  good_clients(endpoint node, std::string key, std::size_t count);
  ~good_clients();

  /// Calls until then; the calls and connections of this time alone.
  [[nodiscard]] good_outcome run_until(std::chrono::steady_clock::time_point end);

private:
  class client;

  endpoint node_;
  std::string key_;
  good_outcome outcome_;
  std::vector<std::unique_ptr<client>> all_;
};

} // namespace patio::tests
