/// The signals of the process. One thread waits for them, and all others block them.
#pragma once

namespace patio {

/// Blocks all signals in the calling thread and in all threads that it starts later, except those
/// that report a fault of a thread, and ignores SIGPIPE. Call it first in main: then only
/// `wait_for_signal` sees SIGINT, SIGTERM and SIGHUP.
void block_signals();
/// Waits for SIGINT, SIGTERM or SIGHUP, and returns its number.
int wait_for_signal();

} // namespace patio
