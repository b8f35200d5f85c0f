/// Tries out whether a worker process could start.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <patio/actors/pool/worker_inputs.hpp>
#include <patio/base/api.hpp>
#include <patio/value/error.hpp>

namespace PATIO_INTERNAL_API patio {

/// Starts one worker of this program with the inputs, and ends it. Returns the names and signatures
/// of its functions. Fails with errc::invalid and the worker's own reason, with
/// errc::maybe_executed and "signal 11 (SIGSEGV)" if the worker has crashed, or with errc::timeout.
/// Blocks the thread, at most for the timeout.
[[nodiscard]] result<std::vector<std::pair<std::string, std::string>>>
probe_worker(const worker_inputs& inputs,
             std::chrono::nanoseconds timeout = std::chrono::seconds{10});

} // namespace patio
