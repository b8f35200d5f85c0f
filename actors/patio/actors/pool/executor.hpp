/// Executors: where registered functions run. A value-like handle on a pool actor and the registry
/// it serves; copies share the pool. The pool ends with `shut_down` or the last handle and broker
/// that refer to it.
#pragma once

#include <cstddef>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include <patio/actors/pool/task.hpp>
#include <patio/functions/registry.hpp>
#include <patio/protocol/limits.hpp>

namespace patio {

struct pool_options {
  std::size_t workers = 4; ///< functions that run at once; at least 1
  std::size_t queue_per_worker =
    limits{}.queue_per_worker; ///< calls that may wait, for each worker; one more is refused as
                               ///< overloaded
  /// Functions that do not count among those that run, each in a worker of its own: those that wait
  /// for a call of their own (patio::call, `get`), and those that go on though nobody waits for
  /// them any more.
  std::size_t aside = 256;
  /// Functions that have begun and answer later. They do not count among those that run, so that
  /// what they wait for can run here.
  std::size_t deferred = 16'384;
};

class executor {
public:
  executor(caf::actor pool, registry functions)
      : pool_{std::move(pool)}, functions_{std::move(functions)} {}

  [[nodiscard]] const registry& functions() const noexcept { return functions_; }
  /// Runs a task, or answers it with errc::overloaded or errc::shut_down. Any thread.
  void run(task t) const;
  /// Tasks that wait, for a worker or for an actor, are answered with errc::shut_down; running
  /// functions end by themselves.
  void shut_down() const;
  [[nodiscard]] const caf::actor& pool() const noexcept { return pool_; }

private:
  caf::actor pool_; ///< null for the null executor
  registry functions_;
};

/// Functions share the CAF scheduler's threads: for what computes briefly or answers later, never
/// for what blocks. `get` of a patio::call throws there.
[[nodiscard]] executor spawn_async_pool(caf::actor_system& sys, const registry& functions,
                                        pool_options options = {});

/// A thread of its own for each worker: for what blocks.
[[nodiscard]] executor spawn_thread_pool(caf::actor_system& sys, const registry& functions,
                                         pool_options options = {});

/// Runs nothing and announces nothing, whatever the registry holds: for nodes that only call.
[[nodiscard]] executor null_executor(const registry& functions = registry{});

} // namespace patio
