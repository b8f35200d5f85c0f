/// The actor of a pool: queues tasks, hands them to its workers, and refuses tasks beyond its
/// limits. Runs on CAF's scheduler and owns its workers. It ends with `shut_down_atom` or with its
/// last handle. However it ends, it answers the waiting tasks with errc::shut_down and ends its
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
