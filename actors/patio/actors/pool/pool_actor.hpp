/// The actor of a pool. It spawns the workers of a pool_core, replaces those that die, and ends
/// them. Runs on CAF's scheduler. It ends with `shut_down_atom` or with its last handle; then it
/// closes the core.
#pragma once

#include <caf/actor_system.hpp>

#include <patio/actors/pool/executor.hpp>
#include <patio/actors/pool/worker.hpp>

namespace patio {

[[nodiscard]] executor spawn_pool(caf::actor_system& sys, const registry& functions,
                                  const pool_options& options, worker_thread thread);

} // namespace patio
