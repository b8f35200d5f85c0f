/// Idle nodes in virtual time: what further peers cost a node.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include <patio/functions/registry.hpp>

namespace patio::scale {

struct plan {
  std::string kind; ///< mesh, star, redis or rabbitmq
  std::size_t nodes = 10;
  std::size_t names = 10;       ///< functions that each node serves; all nodes serve the same
  std::chrono::minutes idle{1}; ///< virtual time of the measurement
};

struct traffic {
  std::uint64_t frames = 0, bytes = 0;
};

/// Returns functions that are announced and never called.
[[nodiscard]] inline registry idle_functions(std::size_t count, const std::string& project = {}) {
  registry rpc{{.project = project}};
  for (std::size_t i = 0; i < count; ++i)
    rpc.add("service.function_" + std::to_string(1000 + i), [](std::int64_t n) { return n; });
  return rpc;
}

// Each function runs a plan and prints its figures.
void run_mesh(const plan& p);
void run_redis(const plan& p);
void run_rabbitmq(const plan& p);
/// Measures the choice of a peer among so many.
void run_routes(const plan& p);

} // namespace patio::scale
