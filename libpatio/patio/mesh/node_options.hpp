/// Options of a node.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <patio/base/secret.hpp>
#include <patio/mesh/inbound_queue.hpp>
#include <patio/mesh/router.hpp>
#include <patio/protocol/access.hpp>
#include <patio/protocol/extensions.hpp>
#include <patio/protocol/limits.hpp>
#include <patio/value/python_types.hpp>

namespace patio::mesh {

struct node_options {
  /// 0 to 32 bytes. The node proves this key as a client and accepts it as a server. An empty key
  /// lets every peer in, unless there are `keys`.
  secret key = {};
  patio::limits limits = {};
  routing route = routing::least_loaded;
  std::uint64_t seed = 0; ///< of the random choice among peers
  /// Extensions announced to peers. Without extensions, the node looks like a Python node.
  protocol::extensions extensions = protocol::all_extensions;
  std::vector<named_key> keys = {}; ///< additional accepted keys; each names its peers
  /// Access rules. Without rules, every peer may call every function.
  std::vector<access_rule> rules = {};
  python_types types = {}; ///< classes supported in addition to the built-in types
  /// A payload of more bytes becomes a `decode_payload` event.
  std::size_t decode_apart = std::string::npos;
  /// The bounds of the queues of the executors, by the executor's name.
  std::map<std::string, credit_bounds> executors = {};
  /// Called, from any thread, when the owner should call `node::tick` soon, because a call has
  /// begun and the node can grant credit. Without it, the credit comes with the next tick.
  std::function<void()> wake = {};
};

} // namespace patio::mesh
