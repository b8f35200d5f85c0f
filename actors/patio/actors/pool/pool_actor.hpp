/// The actor of a pool queues tasks, hands the tasks to its workers, and refuses tasks beyond its
/// limits. The actor runs on CAF's scheduler and owns its workers. It ends by `shut_down_atom` or
/// with its last handle. At its end it answers the waiting tasks with errc::shut_down and ends its
/// workers.
#pragma once

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include <patio/actors/pool/executor.hpp>
#include <patio/actors/pool/worker.hpp>

namespace patio {

[[nodiscard]] caf::actor spawn_pool(caf::actor_system& sys, const registry& functions,
                                    const pool_options& options, worker_thread thread);

} // namespace patio
