/// How a node is set up. Plain data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <patio/base/secret.hpp>
#include <patio/mesh/router.hpp>
#include <patio/protocol/access.hpp>
#include <patio/protocol/extensions.hpp>
#include <patio/protocol/limits.hpp>
#include <patio/value/python_types.hpp>

namespace patio::mesh {

struct node_options {
  /// 0 to 32 bytes: proved when dialling, and accepted from those who dial. An empty key lets
  /// everybody in, unless there are `keys`.
  secret key = {};
  patio::limits limits = {};
  routing route = routing::least_loaded;
  std::uint64_t seed = 0; ///< for the choice among peers
  /// Announced to peers; without any, peers cannot tell the node from a Python node.
  protocol::extensions extensions = protocol::all_extensions;
  std::vector<named_key> keys = {}; ///< more accepted keys, each of which names who logs in with it
  std::vector<access_rule> rules =
    {};                    ///< who may call what; without any, everybody may call everything
  python_types types = {}; ///< carried to and from all peers, beyond the built-in ones
  /// A payload of more bytes becomes a `decode_payload` event.
  std::size_t decode_apart = std::string::npos;
};

} // namespace patio::mesh
