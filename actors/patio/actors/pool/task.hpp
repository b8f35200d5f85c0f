/// One run of a registered function, on its way from a broker to a worker. Moved along as a shared
/// pointer, because CAF's messages can be copied and the duty to answer cannot.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <utility>

#include <caf/actor_addr.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/atom.hpp>

#include <patio/base/time.hpp>
#include <patio/functions/registry.hpp>

namespace patio {

/// Whose a task is: the broker, and the connection there. Owners take turns in a pool, and share a
/// full queue out.
using task_owner = std::pair<std::uint64_t, std::uint64_t>;

/// Tells a pool, once until it looks, that something it lets wait is not wanted any more.
struct unwanted_note {
  caf::actor_addr pool;
  std::shared_ptr<std::atomic_flag> told;
  void operator()() const;
};

struct task {
  const registry_entry* entry =
    nullptr; ///< lives as long as the registry, which the executor and its workers hold
  arguments args;
  instant deadline = never; ///< not started after this
  reply answer;
  task_owner owner = {};
  std::unique_ptr<std::stop_callback<unwanted_note>> on_stop = {}; ///< while it waits
};
using task_ptr = std::shared_ptr<task>;

/// From a worker to its pool, with its number there and that of the run: it waits, works again, has
/// ended.
using aside_atom = caf::atom_constant<caf::atom("aside")>;
using back_atom = caf::atom_constant<caf::atom("back")>;
using done_atom = caf::atom_constant<caf::atom("done")>;

/// A worker's answer on its way back to the broker, with the broker's own number or numbers for the
/// call.
using answered_atom = caf::atom_constant<caf::atom("answered")>;
using shared_result = std::shared_ptr<result<value>>;

} // namespace patio

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(patio::task_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(patio::shared_result)
