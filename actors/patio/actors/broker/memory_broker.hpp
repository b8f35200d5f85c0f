/// The broker for calls within one process. The broker passes calls straight to its executors. It
/// ends with its last handle, or by `shut_down`.
#pragma once

#include <caf/actor_system.hpp>

#include <patio/actors/caf/interfaces.hpp>
#include <patio/actors/pool/executors.hpp>
#include <patio/base/api.hpp>

namespace PATIO_API patio {

struct memory_options {
  std::chrono::nanoseconds longest_timeout = std::chrono::hours{24};
  std::size_t waiting_calls = 262'144; ///< further calls end with errc::overloaded
};

/// Throws std::invalid_argument if executors::check fails.
[[nodiscard]] broker_actor spawn_memory_broker(caf::actor_system& sys, const executors& run_in,
                                               memory_options options = {});

} // namespace patio
