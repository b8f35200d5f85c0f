/// The bounds of a pool.
#pragma once

#include <cstddef>

#include <patio/protocol/limits.hpp>

namespace patio {

struct pool_options {
  /// Functions that run at the same time; at least 1.
  std::size_t workers = 4;
  /// Calls that may wait, for each worker. The pool refuses further calls with errc::overloaded.
  /// Calls that wait for room below `max_deferred` do not count; they have a queue of the same
  /// size. Each function with function_options::max_concurrency also has a queue of this size.
  std::size_t queue_per_worker = limits{}.queue_per_worker;
  /// Blocked functions. Each of them keeps a worker in addition to `workers`. A function is blocked
  /// while it waits for a call of its own (`get` of a patio::call), or if it still runs although
  /// nobody waits for its result any more.
  std::size_t max_blocked = 256;
  /// Functions that have begun and will answer later. Such a function holds no worker, so the calls
  /// that it waits for can run in the same pool.
  std::size_t max_deferred = 16'384;
};

} // namespace patio
