/// Executors run registered functions. An executor is a handle to a pool and to the registry that
/// the pool serves. Copies share the pool. The pool ends by `shut_down`, or when the last executor
/// and broker that hold the pool end. Any thread may use an executor.
#pragma once

#include <cstddef>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include <patio/actors/pool/task.hpp>
#include <patio/functions/registry.hpp>
#include <patio/protocol/limits.hpp>

namespace patio {

struct pool_options {
  /// Functions that run at the same time; at least 1.
  std::size_t workers = 4;
  /// Calls that may wait, for each worker. The pool refuses further calls with errc::overloaded.
  std::size_t queue_per_worker = limits{}.queue_per_worker;
  /// Blocked functions. Each of them keeps a worker in addition to `workers`. A function is blocked
  /// while it waits for a call of its own (`get` of a patio::call), or if it still runs although
  /// nobody waits for its result any more.
  std::size_t max_blocked = 256;
  /// Functions that have begun and will answer later. Such a function holds no worker, so the calls
  /// that it waits for can run in the same pool.
  std::size_t max_deferred = 16'384;
};

class executor {
public:
  executor(caf::actor pool, registry functions)
      : pool_{std::move(pool)}, functions_{std::move(functions)} {}

  [[nodiscard]] const registry& functions() const noexcept { return functions_; }
  /// Runs a task. A task that cannot run is answered with errc::overloaded or errc::shut_down.
  void run(task t) const;
  /// Ends the pool. Tasks that wait for a worker or for an actor's answer end with errc::shut_down.
  /// Other functions that have begun run to their end.
  void shut_down() const;
  /// Returns the pool's actor, for monitors and links. Null for the null executor.
  [[nodiscard]] const caf::actor& pool() const noexcept { return pool_; }

private:
  caf::actor pool_;
  registry functions_;
};

/// Spawns a pool whose functions share the threads of CAF's scheduler. Use the pool for functions
/// that compute briefly or answer later, and that never block. In these functions, `get` of a
/// patio::call throws.
[[nodiscard]] executor spawn_async_pool(caf::actor_system& sys, const registry& functions,
                                        pool_options options = {});

/// Spawns a pool in which each worker has a thread of its own. Use the pool for functions that
/// block.
[[nodiscard]] executor spawn_thread_pool(caf::actor_system& sys, const registry& functions,
                                         pool_options options = {});

/// Returns an executor that runs no functions and announces none, even if the registry holds some.
/// Use the null executor for nodes that only call functions of their peers.
[[nodiscard]] executor null_executor(const registry& functions = registry{});

} // namespace patio
