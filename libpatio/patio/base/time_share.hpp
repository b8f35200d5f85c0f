/// Tells whether one of many users of a thread has recently taken more than its share of the
/// thread's time. The time that a user takes adds to the user's debt, and the debt decreases as
/// time passes. A value type of one thread, without a clock.
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
  /// A user may take this much at once.
  static constexpr std::chrono::nanoseconds allowance = std::chrono::milliseconds{1};
  /// In the long run a user may take 1 / `parts` of the thread's time. A peer that makes a thousand
  /// small calls a second takes about that much.
  static constexpr int parts = 50;
  /// One second repays this much. A larger debt is cut to it, so that one long call is forgotten
  /// after a second.
  static constexpr std::chrono::nanoseconds max_debt = std::chrono::milliseconds{20};

  [[nodiscard]] std::chrono::nanoseconds debt(instant now) const noexcept {
    return std::max(debt_ - (now - since_) / parts, std::chrono::nanoseconds{0});
  }

  std::chrono::nanoseconds debt_;
  instant since_; ///< when `debt_` was computed
};

} // namespace patio
