/// Executors: where registered functions run. An executor is a handle on a pool and on the registry
/// that the pool serves; copies share the pool. The pool ends with `shut_down`, or with the last
/// executor and broker that hold it. Any thread.
#pragma once

#include <cstddef>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include <patio/actors/pool/task.hpp>
#include <patio/functions/registry.hpp>
#include <patio/protocol/limits.hpp>

namespace patio {

struct pool_options {
  /// Functions that run at once; at least 1.
  std::size_t workers = 4;
  /// Calls that may wait, for each worker. The pool refuses further calls with errc::overloaded.
  std::size_t queue_per_worker = limits{}.queue_per_worker;
  /// Blocked functions, each in a worker of its own besides `workers`. A function is blocked while
  /// it waits for a call of its own (`get` of a patio::call), and from the moment when nobody waits
  /// for its result any more.
  std::size_t max_blocked = 256;
  /// Functions that have begun and answer later. They hold no worker, so the calls that they wait
  /// for can run in the same pool.
  std::size_t max_deferred = 16'384;
};

class executor {
public:
  executor(caf::actor pool, registry functions)
      : pool_{std::move(pool)}, functions_{std::move(functions)} {}

  [[nodiscard]] const registry& functions() const noexcept { return functions_; }
  /// Runs a task. A task that cannot run is answered with errc::overloaded or errc::shut_down.
  void run(task t) const;
  /// Ends the pool. Tasks that wait, for a worker or for an actor's answer, end with
  /// errc::shut_down. Other functions that have begun run to their end.
  void shut_down() const;
  /// The pool's actor, to monitor or to link to; null for the null executor.
  [[nodiscard]] const caf::actor& pool() const noexcept { return pool_; }

private:
  caf::actor pool_;
  registry functions_;
};

/// Functions share the threads of CAF's scheduler: for functions that compute briefly or answer
/// later, and never block. There `get` of a patio::call throws.
[[nodiscard]] executor spawn_async_pool(caf::actor_system& sys, const registry& functions,
                                        pool_options options = {});

/// Each worker has a thread of its own: for functions that block.
[[nodiscard]] executor spawn_thread_pool(caf::actor_system& sys, const registry& functions,
                                         pool_options options = {});

/// Runs and announces nothing, whatever the registry holds: for nodes that only call others.
[[nodiscard]] executor null_executor(const registry& functions = registry{});

} // namespace patio
