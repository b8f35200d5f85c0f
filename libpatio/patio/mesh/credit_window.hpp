/// Decides how many requests of one connection may wait in one queue of this node. The window holds
/// about `target` of work: a window whose requests wait longer shrinks, and a window whose requests
/// wait briefly grows if the caller asks for more. A window has no clock and no thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <patio/base/time.hpp>

namespace patio::mesh {

/// Bounds of the windows of one queue.
struct credit_bounds {
  /// The smallest window. So many requests are always allowed to wait.
  std::size_t least = 4;
  /// Requests that the queue holds for all connections together.
  std::size_t most = 1'000'000;
};

class credit_window {
public:
  /// The longest time that a request should wait.
  static constexpr std::chrono::milliseconds target{50};
  /// The size of a new window, unless the bounds demand another.
  static constexpr std::size_t first_size = 16;

  explicit credit_window(credit_bounds bounds) noexcept
      : bounds_{std::max<std::size_t>(1, std::min(bounds.least, bounds.most)),
                std::max<std::size_t>(1, bounds.most)},
        size_{std::clamp(first_size, bounds_.least, bounds_.most)} {}

  /// Returns the number of requests that may wait.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// The caller has used all its credit, and its calls wait. `arrived` requests have arrived since
  /// the connection began.
  void ask_for_more(std::uint64_t arrived) noexcept { grows_at_ = arrived; }
  [[nodiscard]] bool is_asked_for_more() const noexcept { return grows_at_.has_value(); }
  /// `begun` requests have left the queue since the connection began, out of `arrived`. The last of
  /// them waited for `wait`.
  void update(std::uint64_t arrived, std::uint64_t begun, std::chrono::nanoseconds wait) noexcept;

private:
  credit_bounds bounds_;
  std::size_t size_;
  /// The window grows once so many requests have begun: only then is their wait known.
  std::optional<std::uint64_t> grows_at_;
  /// The window shrinks again only by a request that has arrived after the last change.
  std::uint64_t shrinks_at_ = 1;
};

} // namespace patio::mesh
