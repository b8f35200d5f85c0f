/// Who may use the I/O thread when: a connection that has spent its share of the thread's time
/// waits behind the others, and what waits runs in bounded turns between two looks at the sockets.
/// A resource of one broker actor.
#pragma once

#include <deque>
#include <functional>
#include <memory>

#include <patio/actors/os/clock.hpp>
#include <patio/base/time_share.hpp>
#include <patio/mesh/connection_id.hpp>

namespace patio {

class turn_queue {
public:
  /// Must not throw.
  using job = std::function<void()>;
  /// Asks for a call of run_turn() in the next round of the I/O loop. Where there is no memory for
  /// that, it sets the flag to false, on the same thread; the flag may outlive the queue.
  using ask_function = std::function<void(const std::shared_ptr<bool>& asked)>;

  explicit turn_queue(ask_function ask, instant (*now)() = clock_now)
      : ask_{std::move(ask)}, now_{now} {}

  /// Bytes of this connection have come.
  void heard(connection_id id, instant now) noexcept;
  /// False for a connection that has spent its share while others need the thread.
  [[nodiscard]] bool may_run(const time_share& share, instant now) const noexcept {
    return !is_shared(now) || !share.is_spent(now);
  }
  /// A connection alone takes nothing from anybody, so its time is not counted.
  void account_time(time_share& share, instant begun, instant now) const noexcept {
    if (is_shared(now)) share.took(now - begun, now);
  }

  /// Runs the job in one of the next turns, behind those that wait already.
  void defer(job what);
  /// Runs jobs until the turn is over, and asks for another one if some are left.
  void run_turn();
  /// Asks for a turn if jobs wait and none has been asked for: there may have been no memory.
  void ask_for_turn();

private:
  /// More than one connection has sent lately.
  [[nodiscard]] bool is_shared(instant now) const noexcept { return now < shared_until_; }

  ask_function ask_;
  instant (*now_)();
  std::deque<job> jobs_;
  std::shared_ptr<bool> asked_ = std::make_shared<bool>(false);
  connection_id last_heard_ = 0;
  instant shared_until_{};
};

} // namespace patio
