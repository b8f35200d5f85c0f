/// Virtual time and all random decisions of a simulation. The seed alone decides what happens next.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <random>
#include <vector>

#include <patio/base/time.hpp>

namespace patio::simulation {

class clockwork {
public:
  explicit clockwork(std::uint64_t seed) : random_{seed} {}

  [[nodiscard]] instant now() const noexcept { return now_; }

  /// Schedules a task. Tasks that are due at the same moment run in random order.
  void at(instant when, std::function<void()> task) {
    due_.push({std::max(when, now_), random_(), std::move(task)});
  }
  void after(std::chrono::nanoseconds wait, std::function<void()> task) {
    at(now_ + wait, std::move(task));
  }

  /// Runs the tasks that are due up to `end`. Returns false if no task is left.
  bool run_until(instant end) {
    while (!due_.empty() && due_.top().when <= end) {
      auto next = std::move(const_cast<event&>(due_.top()));
      due_.pop();
      now_ = next.when;
      next.task();
    }
    now_ = end;
    return !due_.empty();
  }

  [[nodiscard]] std::uint64_t below(std::uint64_t n) { return random_() % n; }
  [[nodiscard]] bool chance(double p) { return static_cast<double>(random_() >> 11) * 0x1p-53 < p; }
  /// Draws a duration up to `longest`. Most of them are short.
  [[nodiscard]] std::chrono::nanoseconds duration(std::chrono::nanoseconds longest) {
    auto part = below(static_cast<std::uint64_t>(longest.count()) + 1);
    return std::chrono::nanoseconds{static_cast<std::int64_t>(chance(0.7) ? part / 50 : part)};
  }

private:
  struct event {
    instant when;
    std::uint64_t order;
    std::function<void()> task;
    friend bool operator<(const event& a, const event& b) noexcept {
      return a.when != b.when ? a.when > b.when : a.order > b.order;
    }
  };
  std::priority_queue<event> due_;
  std::mt19937_64 random_;
  instant now_{};
};

} // namespace patio::simulation
