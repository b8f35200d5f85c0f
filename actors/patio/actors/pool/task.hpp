/// A task is one run of a registered function, on its way from a broker through a pool to a worker.
/// This header also defines the messages on that way. Messages hold tasks as shared pointers,
/// because CAF copies messages and a task's reply cannot be copied. The pool holds a task until its
/// run is done. A task that is destroyed early answers its call with an error.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <utility>

#include <caf/actor_addr.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/atom.hpp>

#include <patio/actors/caf/weak_send.hpp>
#include <patio/base/time.hpp>
#include <patio/functions/registry.hpp>

namespace patio {

/// The origin of a task: a broker and a connection of that broker. In a pool the owners of tasks
/// take turns and share a full queue fairly.
using task_owner = std::pair<std::uint64_t, std::uint64_t>;

/// A stop callback that tells a pool that a task in its queue has been stopped. Only one such
/// message is on its way at a time, even if many tasks are stopped. The callback runs on any
/// thread.
struct stop_notice {
  caf::actor_addr pool;
  /// Set while the message is on its way; the pool clears it. All tasks of the pool share it.
  std::shared_ptr<std::atomic_flag> sent;
  void operator()() const;
};

struct task {
  /// Owned by the registry, which the executor and its workers hold.
  const registry_entry* entry = nullptr;
  arguments args;
  instant deadline = never; ///< a task does not start after its deadline
  reply answer;
  task_owner owner = {};
  std::unique_ptr<std::stop_callback<stop_notice>> on_stop = {}; ///< set while the task waits
};
using task_ptr = std::shared_ptr<task>;

/// Begins a task. A pool takes (run_atom, task). A worker takes (run_atom, task, worker number, run
/// number).
using run_atom = caf::atom_constant<caf::atom("run")>;

/// Messages from a worker to its pool: (atom, worker number, run number). A worker is blocked while
/// its function waits for a call of its own, or still runs although its call has been stopped.
using block_atom = caf::atom_constant<caf::atom("block")>;
using unblock_atom = caf::atom_constant<caf::atom("unblock")>;
using done_atom = caf::atom_constant<caf::atom("done")>;

/// Identifies one run of a task, for messages from the worker to the pool.
struct task_run {
  caf::actor_addr pool;
  std::size_t worker = 0; ///< the worker's number in the pool
  std::uint64_t run = 0;  ///< distinguishes this run from the worker's other runs
  template <class Atom>
  void tell_pool(Atom atom) const {
    send_if_alive(pool, atom, worker, run);
  }
};

/// A message from a worker to a broker: (answered_atom, the broker's identifier of the call,
/// result).
using answered_atom = caf::atom_constant<caf::atom("answered")>;
using shared_result = std::shared_ptr<result<value>>;

} // namespace patio

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(patio::task_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(patio::shared_result)
