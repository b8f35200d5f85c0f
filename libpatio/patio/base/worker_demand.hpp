/// Computes how many workers a pool should have awake for the tasks that wait. To wake a worker
/// costs as much processor time as many short tasks. A worker that is awake therefore gets a share
/// of the waiting tasks, and the pool wakes another worker only for what exceeds that share.
///
/// A task may turn out to be long. As long as tasks wait although a worker is idle, the pool checks
/// now and then whether runs end.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

namespace patio {

class worker_demand {
public:
  /// The work of one wake-up, several times the cost of a wake-up (5 to 10 us on the machines that
  /// were measured). The last task of a share starts so much later than on a worker of its own.
  static constexpr std::chrono::nanoseconds share = std::chrono::microseconds{50};
  /// Longer runs count as this long, so that one long run is soon forgotten.
  static constexpr std::chrono::nanoseconds longest = std::chrono::milliseconds{1};

  /// Without checks, each task is worth a worker.
  explicit worker_demand(bool has_checks) noexcept : has_checks_{has_checks} {}

  /// Returns the number of workers that should run for `waiting` tasks. At least 1.
  [[nodiscard]] std::size_t workers(std::size_t waiting) const noexcept {
    if (!has_checks_) return std::numeric_limits<std::size_t>::max();
    auto time = std::min<std::size_t>(waiting, 1'000'000) * average_;
    return long_runs_ + std::max<std::size_t>(static_cast<std::size_t>(time / share), 1);
  }
  /// A run has taken so long.
  void ended(std::chrono::nanoseconds time, bool was_long) noexcept {
    average_ += (std::clamp(time, std::chrono::nanoseconds{0}, longest) - average_) / weight;
    if (was_long) --long_runs_;
    is_stalled_ = false;
  }
  /// A run was found to be long. The tasks that wait should not wait for its worker.
  void long_run() noexcept { ++long_runs_; }

  /// Returns true if the pool should check after a while. Then `last_run` is the number of the
  /// newest run.
  [[nodiscard]] bool begin_check(std::uint64_t last_run) noexcept {
    if (!has_checks_ || std::exchange(is_checking_, true)) return false;
    last_run_ = last_run;
    is_stalled_ = true;
    return true;
  }
  /// There will be no check.
  void drop_check() noexcept { is_checking_ = false; }
  /// Returns the number that `begin_check` got. Runs up to that number are long if they have not
  /// ended.
  [[nodiscard]] std::uint64_t end_check() noexcept {
    is_checking_ = false;
    if (is_stalled_) average_ = longest;
    return last_run_;
  }

private:
  static constexpr int weight = 8;
  std::chrono::nanoseconds average_ = longest; ///< of the last runs; unknown tasks count as long
  std::size_t long_runs_ = 0;
  std::uint64_t last_run_ = 0;
  bool has_checks_;
  bool is_checking_ = false;
  bool is_stalled_ = false; ///< no run has ended since the check began
};

} // namespace patio
