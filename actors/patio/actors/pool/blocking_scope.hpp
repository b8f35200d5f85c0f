/// Managed blocking, as in Java's ForkJoinPool: a function that waits for a call of its own tells
/// its pool, and the pool lets another task run in the meantime. On a thread that is not a
/// worker's, a blocking_scope does nothing.
#pragma once

#include <patio/base/api.hpp>

namespace PATIO_API patio {

/// Create a blocking_scope where a thread waits for a call. As long as the scope exists, the pool
/// counts the thread's worker as blocked.
class blocking_scope {
public:
  blocking_scope();
  ~blocking_scope();
  blocking_scope(const blocking_scope&) = delete;
  blocking_scope& operator=(const blocking_scope&) = delete;
};

/// Marks the time in which a thread delivers an answer and runs the coroutine that has awaited it.
class delivery_scope {
public:
  delivery_scope() noexcept;
  ~delivery_scope();
  delivery_scope(const delivery_scope&) = delete;
  delivery_scope& operator=(const delivery_scope&) = delete;

private:
  bool outer_; ///< whether this scope is within another one
};

/// Throws a call_error with errc::invalid inside a function of an async pool, because waiting would
/// block a thread that all functions of the pool share. Does the same in a delivery_scope, because
/// the answer might have to come from the thread that would wait.
void require_may_block();

} // namespace patio
