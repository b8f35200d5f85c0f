/// What all connections of a node share: its key, the functions that it announces, its limits.
/// Plain data; sessions and the jobs that decode for them read it from any thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <patio/base/secret.hpp>
#include <patio/protocol/access.hpp>
#include <patio/protocol/extensions.hpp>
#include <patio/protocol/limits.hpp>
#include <patio/value/python_types.hpp>

namespace patio {

/// Who dialled. After the login both sides are equal.
enum class role : std::uint8_t { server, client };

} // namespace patio

namespace patio::protocol {

struct session_options {
  secret key; ///< at most 32 bytes: proved when dialling, and accepted from those who dial
  std::vector<std::string> names; ///< functions announced to peers that may call them
  patio::limits limits;
  protocol::extensions extensions = {}; ///< announced to peers
  std::vector<named_key> keys = {};     ///< accepted as well; beside them an empty `key` is not
  std::vector<access_rule> rules = {};
  python_types types = {}; ///< carried beyond the built-in ones
  /// A payload of more bytes becomes a `payload_to_decode` event.
  std::size_t decode_apart = std::string::npos;
  std::string pickled_names = {}; ///< `names` as DISCOVER_RESPONSE has them, if made already
};

} // namespace patio::protocol
