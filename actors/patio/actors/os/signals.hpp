/// Signals of the whole process, which only one thread waits for.
#pragma once

namespace patio {

/// Blocks all signals in the calling thread and all it starts later, so that only `wait_for_signal`
/// sees SIGINT, SIGTERM and SIGHUP, and ignores SIGPIPE. To be called first in main.
void block_signals();
/// Waits for SIGINT, SIGTERM or SIGHUP; returns which.
int wait_for_signal();

} // namespace patio
