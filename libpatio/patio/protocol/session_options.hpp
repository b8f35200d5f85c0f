/// Options that all connections of a node share: the key, the announced functions, the limits.
/// Sessions and decode jobs read these options on any thread. The options never change.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include <patio/base/secret.hpp>
#include <patio/protocol/access.hpp>
#include <patio/protocol/extensions.hpp>
#include <patio/protocol/limits.hpp>
#include <patio/value/python_types.hpp>
#include <patio/value/value.hpp>

namespace patio {

/// The client dials the server. After the login both sides are equal.
enum class role : std::uint8_t { server, client };

} // namespace patio

namespace patio::protocol {

struct session_options {
  secret key;                     ///< at most 32 bytes; a client proves it, a server accepts it
  std::vector<std::string> names; ///< functions announced to peers that may call them
  patio::limits limits;
  protocol::extensions extensions = {}; ///< announced to peers
  std::vector<named_key> keys = {};     ///< also accepted; an empty `key` then is not
  std::vector<access_rule> rules = {};
  python_types types = {}; ///< classes supported in addition to the built-in types
  /// A payload of more bytes becomes a `payload_to_decode` event.
  std::size_t decode_apart = std::string::npos;
  /// What DESCRIPTION tells about each function: a function_description as a dict.
  std::map<std::string, value> descriptions = {};
  std::string pickled_names = {}; ///< `names` as the payload of a DISCOVER_RESPONSE, or empty
};

} // namespace patio::protocol
