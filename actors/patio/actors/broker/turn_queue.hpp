/// The order in which connections use the I/O thread. A connection that has spent its share of the
/// thread's time waits behind the others. Waiting jobs run in bounded turns, and the I/O loop polls
/// the sockets between two turns. One broker actor owns the queue.
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
  /// A job must not throw.
  using job = std::function<void()>;
  /// Schedules a call of run_turn() in the next round of the I/O loop. If memory for the call runs
  /// out later, the function sets `asked` to false on the queue's thread. `asked` may outlive the
  /// queue.
  using ask_function = std::function<void(const std::shared_ptr<bool>& asked)>;

  explicit turn_queue(ask_function ask, instant (*now)() = clock_now)
      : ask_{std::move(ask)}, now_{now} {}

  /// Notes that the connection has sent bytes.
  void heard(connection_id id, instant now) noexcept;
  /// Returns false for a connection that has spent its share while others need the thread.
  [[nodiscard]] bool may_run(const time_share& share, instant now) const noexcept {
    return !is_shared(now) || !share.is_spent(now);
  }
  /// Counts the time against the connection's share. Time does not count while the connection is
  /// alone, because then no other connection waits.
  void account_time(time_share& share, instant begun, instant now) const noexcept {
    if (is_shared(now)) share.took(now - begun, now);
  }

  /// Runs the job in a later turn, after the jobs that already wait.
  void defer(job work);
  /// Runs jobs for the length of a turn. Asks for another turn if jobs are left.
  void run_turn();
  /// Asks for a turn if jobs wait and no turn is scheduled, for example because an earlier attempt
  /// ran out of memory.
  void ask_for_turn();

private:
  /// True if more than one connection has sent bytes lately.
  [[nodiscard]] bool is_shared(instant now) const noexcept { return now < shared_until_; }

  ask_function ask_;
  instant (*now_)();
  std::deque<job> jobs_;
  std::shared_ptr<bool> asked_ = std::make_shared<bool>(false);
  connection_id last_heard_ = 0;
  instant shared_until_{};
};

} // namespace patio
