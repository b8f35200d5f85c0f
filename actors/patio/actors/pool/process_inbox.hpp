/// Wakes the thread of a process_host. Any thread puts events in.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <utility>

#include <patio/actors/os/socket.hpp>
#include <patio/actors/pool/process_crew.hpp>
#include <patio/base/inbox.hpp>

namespace patio {

struct process_event {
  enum class kind : std::uint8_t {
    run,      ///< the core has announced `what`
    stop,     ///< nobody waits for `what` any more, which `process` runs
    replace,  ///< the workers get other inputs
    clean_up, ///< a task that waits in the core has been stopped
    end       ///< the host ends
  } what_happened;
  slot_run what = {};
  std::size_t process = 0;
};

class process_inbox {
public:
  /// Writes to the descriptor only if the host sleeps, so that a busy host costs no system calls.
  void put(process_event e) {
    (void)events_.put(std::move(e));
    if (!asleep_.exchange(false)) return;
    std::uint64_t one = 1;
    (void)!::write(wake_.get(), &one, sizeof one);
  }
  template <class F> // F(process_event&&)
  void take(F f) {
    events_.take(f);
  }

  /// Call this before a poll of the descriptor. Returns false if the poll must not block, because
  /// events have come.
  [[nodiscard]] bool fall_asleep() {
    // If an exchange of `put` comes before this one, its event is visible afterwards. Otherwise
    // that exchange sees that the host sleeps.
    (void)asleep_.exchange(true);
    return events_.empty();
  }
  /// Call this after the poll.
  void wake_up(bool is_readable) {
    asleep_.store(false);
    std::uint64_t count = 0;
    if (is_readable) (void)!::read(wake_.get(), &count, sizeof count);
  }
  [[nodiscard]] int descriptor() const noexcept { return wake_.get(); }

private:
  inbox<process_event> events_;
  std::atomic<bool> asleep_ = false;
  unique_fd wake_{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
};

} // namespace patio
