/// Virtual time and everything random in a simulation: what happens next is decided by the seed
/// alone.
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

  /// Of things due at the same moment, any may come first.
  void at(instant when, std::function<void()> what) {
    due_.push({std::max(when, now_), random_(), std::move(what)});
  }
  void after(std::chrono::nanoseconds wait, std::function<void()> what) {
    at(now_ + wait, std::move(what));
  }

  /// Does all that is due until then; false if nothing was left before.
  bool run_until(instant end) {
    while (!due_.empty() && due_.top().when <= end) {
      auto next = std::move(const_cast<event&>(due_.top()));
      due_.pop();
      now_ = next.when;
      next.what();
    }
    now_ = end;
    return !due_.empty();
  }

  [[nodiscard]] std::uint64_t below(std::uint64_t n) { return random_() % n; }
  [[nodiscard]] bool chance(double p) { return static_cast<double>(random_() >> 11) * 0x1p-53 < p; }
  /// Mostly short, sometimes close to `longest`.
  [[nodiscard]] std::chrono::nanoseconds duration(std::chrono::nanoseconds longest) {
    auto part = below(static_cast<std::uint64_t>(longest.count()) + 1);
    return std::chrono::nanoseconds{static_cast<std::int64_t>(chance(0.7) ? part / 50 : part)};
  }

private:
  struct event {
    instant when;
    std::uint64_t order;
    std::function<void()> what;
    friend bool operator<(const event& a, const event& b) noexcept {
      return a.when != b.when ? a.when > b.when : a.order > b.order;
    }
  };
  std::priority_queue<event> due_;
  std::mt19937_64 random_;
  instant now_{};
};

} // namespace patio::simulation
