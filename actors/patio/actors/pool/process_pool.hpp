/// An executor whose functions run in other processes, so that a function that crashes ends only
/// its own call.
#pragma once

#include <caf/actor_system.hpp>

#include <patio/actors/pool/executor.hpp>
#include <patio/actors/pool/process_options.hpp>
#include <patio/actors/pool/process_worker.hpp>
#include <patio/base/api.hpp>
#include <patio/functions/registry.hpp>

namespace PATIO_API patio {

/// Spawns a pool of worker processes, which run one call at a time each. The pool starts its own
/// program again for each worker, so the main function of the program must begin with
/// run_if_worker. Locks the registry.
///
/// If a worker is lost while it runs a call, the call ends as errc::maybe_executed: "worker lost:
/// signal 11 (SIGSEGV)". The pool replaces the worker. When the pool ends, it kills its workers,
/// and the calls that they run end as errc::shut_down.
///
/// A function with the option `quick` runs in this process. Throws std::logic_error if this process
/// is a worker itself, because its main has not called run_if_worker.
[[nodiscard]] executor spawn_process_pool(caf::actor_system& sys, const registry& functions,
                                          const process_pool_options& options = {});

} // namespace patio
