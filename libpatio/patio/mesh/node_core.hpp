/// The state that the parts of a node share. Internal to mesh/. The node owns the core; the parts
/// hold references to it.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include <patio/base/time.hpp>
#include <patio/functions/registry.hpp>
#include <patio/mesh/connection.hpp>
#include <patio/mesh/limit_counts.hpp>
#include <patio/mesh/node_event.hpp>
#include <patio/mesh/node_options.hpp>
#include <patio/mesh/router.hpp>

namespace patio::mesh {

/// Identifies an outbound call. The slot still holds this call only if the slot's current
/// generation equals `generation`.
struct call_id {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  friend bool operator==(const call_id&, const call_id&) = default;
};

/// Deadline entries, one type for each action.
struct call_due {
  call_id call;
};
struct inbound_due {
  inbound_id id;
  bool is_own_timeout = false; ///< set by function_options::timeout, not by the caller
};
struct login_due {
  connection_id id = 0;
};
struct forgive_due {
  connection_id id = 0;
};
struct probe_due {
  connection_id id = 0;
};
struct readmit_due {
  connection_id id = 0;
  std::uint64_t ejection = 0; ///< number of the ejection; an older number is obsolete
};
/// Memory may be free again for the peer's calls.
struct credit_due {
  connection_id id;
};
using due =
  std::variant<call_due, inbound_due, login_due, forgive_due, probe_due, readmit_due, credit_due>;

struct node_core {
  node_core(node_options o, registry f)
      : options{std::move(o)}, functions{std::move(f)}, routes{options.seed} {}
  node_core(const node_core&) = delete; // the parts hold references to the core

  node_options options;
  registry functions;
  std::shared_ptr<const protocol::session_options> session_options;
  std::unordered_map<connection_id, std::unique_ptr<connection>> connections;
  router routes;
  deadline_heap<due> deadlines;
  limit_counts counts;
  std::vector<node_event> events;
  std::vector<connection_id> dirty; ///< connections with output, for take_dirty
  instant now{};
  instant retry_at = never; ///< time to retry events after the node ran out of memory
  bool is_draining = false, is_down = false;

  [[nodiscard]] connection* find(connection_id id) {
    auto at = connections.find(id);
    return at == connections.end() ? nullptr : at->second.get();
  }
  /// Returns a copy of the ids, for loops that may remove connections.
  [[nodiscard]] std::vector<connection_id> connection_ids() const {
    std::vector<connection_id> ids;
    for (const auto& [id, c] : connections) ids.push_back(id);
    return ids;
  }
  void schedule(instant at, due what) {
    if (at != never) deadlines.push(at, what);
  }
  void note_output(connection& c) {
    if (c.is_dirty || !c.has_output()) return;
    c.is_dirty = true;
    dirty.push_back(c.id);
  }
  template <class Event>
  void tell(Event event) {
    events.emplace_back(std::in_place_type<Event>, std::move(event));
  }
};

} // namespace patio::mesh
