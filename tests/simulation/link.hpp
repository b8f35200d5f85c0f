/// A TCP connection in memory. Bytes arrive late and in pieces, the path stalls, and either side
/// resets, closes or half-closes. Like a kernel's TCP, it closes when the path has carried nothing
/// for `patience`.
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
    std::function<void()> on_closed; ///< called once, unless this end has closed the link itself
  };

  static constexpr std::chrono::seconds patience{20};

  link(clockwork& clock, endpoint_events a, endpoint_events b, std::chrono::nanoseconds delay)
      : clock_{clock}, ends_{std::move(a), std::move(b)}, delay_{delay} {}

  void send(int from, std::string_view bytes);
  /// Bytes in flight still arrive; then the other end sees the close.
  void close(int from);
  /// This end stops sending. The other end sees the end of the stream and closes, which this end
  /// sees later.
  void half_close(int from);
  /// Bytes in flight are lost, and both ends see the reset.
  void reset();
  /// Nothing arrives for this time. If it exceeds `patience`, the connection closes.
  void stall(std::chrono::nanoseconds time);
  /// This end disappears silently, as if its machine had lost power. The other end notices it after
  /// `patience`.
  void vanish(int gone);

  [[nodiscard]] bool open() const noexcept { return open_; }

private:
  void deliver_next(int receiver);
  void tell_closed(int end);
  [[nodiscard]] instant arrival(int receiver);

  clockwork& clock_;
  std::array<endpoint_events, 2> ends_;
  std::chrono::nanoseconds delay_;
  std::array<std::deque<std::string>, 2> in_flight_; ///< bytes in flight to each end
  std::array<instant, 2> last_arrival_{};
  instant stalled_until_{};
  std::array<bool, 2> told_{};
  bool open_ = true;
};

} // namespace patio::simulation
