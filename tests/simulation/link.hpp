/// A TCP connection in memory: bytes arrive late and in pieces, the path stalls, one side resets,
/// closes or half-closes. Like the kernel it gives up a path that has carried nothing for
/// `patience`.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "clockwork.hpp"

namespace patio::simulation {

class link : public std::enable_shared_from_this<link> {
public:
  struct endpoint_events {
    std::function<void(std::string_view)> on_bytes;
    std::function<void()> on_closed; ///< once, unless this end closed the link itself
  };

  static constexpr std::chrono::seconds patience{20};

  link(clockwork& clock, endpoint_events a, endpoint_events b, std::chrono::nanoseconds delay)
      : clock_{clock}, ends_{std::move(a), std::move(b)}, delay_{delay} {}

  void send(int from, std::string_view bytes);
  /// What was sent before still arrives; then the other end hears of it.
  void close(int from);
  /// One end stops sending; the other hears of it, closes as well, and then the first hears of
  /// that.
  void half_close(int from);
  /// Bytes under way are lost, and both ends hear of it.
  void reset();
  /// Nothing arrives for so long; after `patience` the kernels give up.
  void stall(std::chrono::nanoseconds how_long);
  /// This end is gone without a word, as if its machine had lost power: the other hears of it only
  /// by patience.
  void vanish(int gone);

  [[nodiscard]] bool open() const noexcept { return open_; }

private:
  void deliver_next(int to);
  void tell_closed(int end);
  [[nodiscard]] instant arrival(int to);

  clockwork& clock_;
  std::array<endpoint_events, 2> ends_;
  std::chrono::nanoseconds delay_;
  std::array<std::deque<std::string>, 2> under_way_;
  std::array<instant, 2> last_arrival_{};
  instant stalled_until_{};
  std::array<bool, 2> told_{};
  bool open_ = true;
};

} // namespace patio::simulation
