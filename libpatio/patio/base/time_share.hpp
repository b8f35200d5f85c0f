/// Tracks whether one of many users of a thread has recently spent its share of the thread's time.
/// The time that a user takes adds to the user's debt. The debt decreases at a constant rate. A
/// time_share reads no clock. Each object belongs to one thread.
#pragma once

#include <algorithm>

#include <patio/base/time.hpp>

namespace patio {

class time_share {
public:
  /// A new user begins with a spent share.
  explicit time_share(instant now) noexcept : debt_{allowance}, since_{now} {}

  void took(std::chrono::nanoseconds time, instant now) noexcept {
    debt_ = std::min(debt(now) + std::max(time, std::chrono::nanoseconds{0}), max_debt);
    since_ = now;
  }
  [[nodiscard]] bool is_spent(instant now) const noexcept { return debt(now) >= allowance; }

private:
  /// The debt at which the share is spent. A user without debt may take this much time at once.
  static constexpr std::chrono::nanoseconds allowance = std::chrono::milliseconds{1};
  /// In the long run a user may take 1 / `parts` of the thread's time. A peer that makes a thousand
  /// small calls a second takes about that much.
  static constexpr int parts = 50;
  /// The debt that one second repays. A larger debt is reduced to this amount, so the effect of one
  /// long call ends after one second.
  static constexpr std::chrono::nanoseconds max_debt = std::chrono::milliseconds{20};

  [[nodiscard]] std::chrono::nanoseconds debt(instant now) const noexcept {
    return std::max(debt_ - (now - since_) / parts, std::chrono::nanoseconds{0});
  }

  std::chrono::nanoseconds debt_;
  instant since_; ///< when `debt_` was computed
};

} // namespace patio
