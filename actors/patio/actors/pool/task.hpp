/// A task is one run of a registered function, on its way from a broker through a pool to a worker.
/// A task that is destroyed early answers its call with an error. Without CAF.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>

#include <patio/base/queue_place.hpp>
#include <patio/base/time.hpp>
#include <patio/functions/registry.hpp>

namespace patio {

class pool_core;

/// The origin of a task: a broker and a connection of that broker. In a pool the owners of tasks
/// take turns and share a full queue fairly.
using task_owner = std::pair<std::uint64_t, std::uint64_t>;

/// A stop callback that tells a pool that a task in its queue has been stopped. The callback runs
/// on any thread. The pool outlives the callback, because the task waits in the pool.
struct stop_notice {
  pool_core* pool = nullptr;
  void operator()() const noexcept;
};

struct task {
  task(const registry_entry* function, arguments arguments_of_call, instant latest_start,
       reply to_caller, task_owner origin = {}, std::shared_ptr<queue_place> place_in_queue = {})
      : entry{function}, args{std::move(arguments_of_call)}, deadline{latest_start},
        answer{std::move(to_caller)}, owner{origin}, place{std::move(place_in_queue)} {}

  /// Owned by the registry, which the executor and its workers hold.
  const registry_entry* entry = nullptr;
  arguments args;
  instant deadline = never; ///< a task does not start after its deadline
  reply answer;
  task_owner owner = {};
  std::shared_ptr<queue_place> place = {}; ///< the caller's node counts who waits; may be null
  std::optional<std::stop_callback<stop_notice>> on_stop = {}; ///< set while the task waits
};
/// The pool and the worker hold a task until the worker is done with it.
using task_ptr = std::shared_ptr<task>;

[[nodiscard]] inline task_ptr make_task(const registry_entry* function, arguments args,
                                        instant deadline, reply answer, task_owner owner = {},
                                        std::shared_ptr<queue_place> place = {}) {
  return std::make_shared<task>(function, std::move(args), deadline, std::move(answer), owner,
                                std::move(place));
}

} // namespace patio
