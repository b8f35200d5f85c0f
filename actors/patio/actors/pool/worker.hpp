/// Workers are the actors of a pool. A worker runs one function at a time. A pool spawns, monitors
/// and ends its workers. A worker ends with its pool, or once it has been retired and its deferred
/// calls have been answered. If a worker ends for another reason, the pool replaces the worker.
#pragma once

#include <cstdint>

#include <caf/actor.hpp>
#include <caf/event_based_actor.hpp>

#include <patio/functions/registry.hpp>

namespace patio {

/// Tells a worker to end once its deferred calls have been answered. The worker gets no more tasks.
using retire_atom = caf::atom_constant<caf::atom("retire")>;

/// The thread that a worker's functions run on.
enum class worker_thread : std::uint8_t {
  shared, ///< a thread of CAF's scheduler, so functions must not block
  own     ///< a thread of the worker's own, so functions may block
};

struct worker_config {
  caf::actor_addr pool;
  /// The worker keeps the registry alive, because a function may run longer than its pool exists.
  registry functions;
  worker_thread thread = worker_thread::shared;
};

/// Spawns a worker that `pool` monitors.
[[nodiscard]] caf::actor spawn_worker(caf::event_based_actor* pool, const worker_config& config);

} // namespace patio
