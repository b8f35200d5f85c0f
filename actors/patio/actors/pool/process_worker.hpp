/// The other side of a process pool: the main function of its workers.
#pragma once

#include <functional>
#include <utility>

#include <patio/actors/pool/process_options.hpp>
#include <patio/base/api.hpp>
#include <patio/functions/registry.hpp>

namespace PATIO_API patio {

/// Call this first in the main function of a program that uses spawn_process_pool, before the
/// program starts threads or reads its arguments. If a process pool has started this process as a
/// worker, the function serves the registry's functions to the pool and never returns: the process
/// ends with the pool. Otherwise the function returns at once.
///
/// `functions` may read the arguments and files that the pool's options give to its workers
/// (worker_inputs.hpp). The pool logs an exception of `functions`.
///
/// The registry must have the same names and signatures as the pool's registry. A worker has no
/// actor system: it refuses a function that is an actor. A function that answers later occupies its
/// worker until it has answered.
void run_if_worker(int argc, char** argv, const std::function<registry()>& functions,
                   const worker_options& options = {});
inline void run_if_worker(int argc, char** argv, const registry& functions,
                          const worker_options& options = {}) {
  run_if_worker(
    argc, argv, [&functions] { return functions; }, options);
}

} // namespace patio
