/// The signals of the process. One thread waits for them, and all others block them.
#pragma once

#include <csignal>
#include <stop_token>

#include <patio/base/api.hpp>

namespace PATIO_API patio {

/// Blocks all signals in the calling thread and in all threads that it starts later. Signals that
/// report a fault of a thread are not blocked. Ignores SIGPIPE. Call this function first in main:
/// then only `wait_for_signal` sees SIGINT, SIGTERM and SIGHUP.
void block_signals();

/// Blocks the same signals in the calling thread for a scope. Threads that start in the scope keep
/// them blocked.
class signals_blocked {
public:
  signals_blocked();
  ~signals_blocked();
  signals_blocked(const signals_blocked&) = delete;
  signals_blocked& operator=(const signals_blocked&) = delete;

private:
  sigset_t outside_;
};

/// Waits for SIGINT, SIGTERM or SIGHUP, and returns the signal's number, or 0 after a stop. The
/// function handles these signals while it waits, whether or not threads block them. While the
/// process is quiet meanwhile, freed memory goes back to the system; see memory_trimmer. Only one
/// thread may wait at a time: throws std::logic_error in a second thread.
int wait_for_signal(const std::stop_token& stop = {});

} // namespace patio
