/// Managed blocking, as in ForkJoinPool: a function that waits for a call of its own tells its
/// pool, which lets another task run in the meantime. Any thread; only on a worker's does it do
/// anything.
#pragma once

namespace patio {

/// Stands where a thread waits for a call. Blocks the thread's worker in its pool while it lives.
class blocking_scope {
public:
  blocking_scope();
  ~blocking_scope();
  blocking_scope(const blocking_scope&) = delete;
  blocking_scope& operator=(const blocking_scope&) = delete;
};

/// Throws call_error, errc::invalid, inside a function of an async pool: waiting would block a
/// thread that all functions there share.
void require_may_block();

} // namespace patio
