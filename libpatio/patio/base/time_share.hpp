/// Whether one of many that are served on a thread has lately taken more of its time than it may.
/// Of one thread; no clock of its own.
#pragma once

#include <algorithm>

#include <patio/base/time.hpp>

namespace patio {

class time_share {
public:
  /// A newcomer has spent all it may.
  explicit time_share(instant now) noexcept : debt_{allowance}, since_{now} {}

  void took(std::chrono::nanoseconds time, instant now) noexcept {
    debt_ = std::min(debt(now) + std::max(time, std::chrono::nanoseconds{0}), most);
    since_ = now;
  }
  [[nodiscard]] bool is_spent(instant now) const noexcept { return debt(now) >= allowance; }

private:
  /// What may be taken at once, and the part of all time that may be taken for long: a peer that
  /// makes a thousand small calls a second takes about as much.
  static constexpr std::chrono::nanoseconds allowance = std::chrono::milliseconds{1};
  static constexpr int one_of = 50;
  static constexpr std::chrono::nanoseconds most =
    std::chrono::milliseconds{20}; ///< a second's; what was before is forgotten

  [[nodiscard]] std::chrono::nanoseconds debt(instant now) const noexcept {
    return std::max(debt_ - (now - since_) / one_of, std::chrono::nanoseconds{0});
  }

  std::chrono::nanoseconds debt_;
  instant since_;
};

} // namespace patio
