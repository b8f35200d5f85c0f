/// The signals of the process. One thread waits for them, and all others block them.
#pragma once

namespace patio {

/// Blocks all signals in the calling thread and in all threads that it starts later. Signals that
/// report a fault of a thread are not blocked. Ignores SIGPIPE. Call this function first in main:
/// then only `wait_for_signal` sees SIGINT, SIGTERM and SIGHUP.
void block_signals();
/// Waits for SIGINT, SIGTERM or SIGHUP, and returns the signal's number. While the process is quiet
/// meanwhile, freed memory goes back to the system; see memory_trimmer.
int wait_for_signal();

} // namespace patio
