/// The depth is the number of calls that a worker process may have at the same time. The depth
/// grows by one while the workers answer within `quick`, and is halved whenever one does not.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace patio {

class batch_depth {
public:
  static constexpr std::size_t max = 16;
  static constexpr std::chrono::milliseconds quick{1};

  [[nodiscard]] std::size_t value() const noexcept { return value_; }
  /// A worker has answered, so long after its answer before.
  void answered_after(std::chrono::nanoseconds time) noexcept {
    if (time > quick) return slow_down();
    if (value_ == max || ++answers_ < value_) return;
    ++value_;
    answers_ = 0;
  }
  void slow_down() noexcept {
    value_ = std::max<std::size_t>(value_ / 2, 1);
    answers_ = 0;
  }

private:
  std::size_t value_ = 1;
  std::size_t answers_ = 0; ///< quick answers since the value has changed
};

} // namespace patio
