/// Executors run registered functions. An executor is a handle to a pool and to the registry that
/// the pool serves. Copies share the pool. The pool ends by `shut_down`, or when the last executor
/// and broker that hold the pool end. Any thread may use an executor.
#pragma once

#include <memory>
#include <span>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include <patio/actors/pool/pool_core.hpp>
#include <patio/actors/pool/pool_options.hpp>
#include <patio/actors/pool/task.hpp>
#include <patio/base/api.hpp>
#include <patio/functions/registry.hpp>

namespace PATIO_API patio {

class executor {
public:
  /// Both are null for an executor that runs nothing.
  executor(caf::actor pool, std::shared_ptr<pool_core> core, registry functions)
      : pool_{std::move(pool)}, core_{std::move(core)}, functions_{std::move(functions)} {}

  [[nodiscard]] const registry& functions() const noexcept { return functions_; }
  /// Runs a task. A task that cannot run is answered with errc::overloaded or errc::shut_down.
  void run(task_ptr t) const;
  /// Runs many tasks with one hand-over to the pool.
  void run(std::span<task_ptr> tasks) const;
  /// Ends the pool. Tasks that wait for a worker or for an actor's answer end with errc::shut_down.
  /// Other functions that have begun run to their end.
  void shut_down() const;
  /// Returns the bounds of the pool. Without a pool, all are 0.
  [[nodiscard]] pool_options bounds() const noexcept {
    return core_ ? core_->bounds : pool_options{0, 0, 0, 0};
  }
  /// Returns the pool's actor, for monitors and links. Null for the null executor.
  [[nodiscard]] const caf::actor& pool() const noexcept { return pool_; }

private:
  caf::actor pool_; ///< the pool lives as long as this handle
  std::shared_ptr<pool_core> core_;
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
