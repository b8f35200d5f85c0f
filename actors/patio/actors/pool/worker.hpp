/// Workers: the actors of a pool that run functions, one at a time. The pool's actor spawns,
/// monitors and ends them. A worker dies with its pool, or once the core does not need it any more
/// and its deferred calls are answered. If anything else kills a worker, the pool replaces it.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include <caf/actor.hpp>
#include <caf/event_based_actor.hpp>

#include <patio/actors/pool/pool_core.hpp>
#include <patio/functions/registry.hpp>

namespace patio {

/// The thread that a worker's functions run on.
enum class worker_thread : std::uint8_t {
  shared, ///< a thread of CAF's scheduler, so functions must not block
  own     ///< a thread of the worker's own, so functions may block
};

/// The workers of a pool by number. Any thread.
class worker_table {
public:
  /// Has the worker begin a run. Returns false if there is no worker with this number.
  [[nodiscard]] bool start(std::size_t worker, std::uint64_t run);
  void add(std::size_t worker, caf::actor a);
  /// Returns the number of a worker that has died; nothing if the worker had been removed before.
  std::optional<std::size_t> remove(const caf::actor_addr& dead);
  void end_all();

private:
  std::mutex mutex_;
  std::vector<caf::actor> workers_;
};

struct worker_config {
  std::shared_ptr<pool_core> core;
  std::shared_ptr<worker_table> workers;
  /// Kept alive by the worker, as a function may run longer than its pool lives.
  registry functions;
  worker_thread thread = worker_thread::shared;
};

/// Spawns a worker that `pool` monitors.
[[nodiscard]] caf::actor spawn_worker(caf::event_based_actor* pool, const worker_config& config,
                                      std::size_t number);

} // namespace patio
