/// The types of keys. BLPOP over several keys fails as a whole (WRONGTYPE) if one of them is no
/// list, so a node then asks for the type of each key, and leaves the wrong keys out.
#pragma once

#include <optional>
#include <string>

#include <patio/redis/resp.hpp>

namespace patio::redis {

/// The answer to the question for the type of a key.
struct key_type {
  std::uint64_t owner = 0; ///< who has asked
  std::string key = {};
  std::string type = {};             ///< as Redis names it
  std::optional<error> refused = {}; ///< the server does not tell the type

  /// A key that does not exist becomes a list by the next push.
  [[nodiscard]] bool may_be_list() const { return type == "list" || type == "none"; }
};

[[nodiscard]] key_type read_key_type(std::uint64_t owner, std::string key, const resp& reply);

/// True if a command was refused because a key has another type.
[[nodiscard]] bool is_wrong_type(const resp& reply) noexcept;

} // namespace patio::redis
