/// Parses and writes the URL of a message broker, such as "redis://user:password@host:6379/0". No
/// message and no printed text of this file holds a password.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <patio/base/api.hpp>
#include <patio/base/secret.hpp>
#include <patio/protocol/endpoint.hpp>

namespace PATIO_API patio {

enum class broker_scheme : std::uint8_t { amqp, amqps, redis, rediss };

/// Returns "amqp", "amqps", "redis" or "rediss".
[[nodiscard]] std::string_view to_string(broker_scheme scheme) noexcept;

/// True for amqps and rediss.
[[nodiscard]] bool uses_tls(broker_scheme scheme) noexcept;

/// The port of a URL without one: 5672 for amqp, 5671 for amqps, 6379 for redis and rediss, which
/// are the ports that the Python plugins use.
[[nodiscard]] std::uint16_t default_port_of(broker_scheme scheme) noexcept;

struct broker_url {
  broker_scheme scheme = broker_scheme::redis;
  std::string user = {}; ///< percent-decoded; empty if the URL has none
  secret password = {};  ///< percent-decoded; empty if the URL has none
  endpoint where = {};
  /// The path without its first slash, percent-decoded: a virtual host or the number of a database.
  std::string path = {};
  std::vector<std::pair<std::string, std::string>> query = {}; ///< percent-decoded, in order
};

/// Fails with errc::invalid. The message names the part that is wrong and describes valid input. It
/// quotes nothing that could belong to a password.
[[nodiscard]] result<broker_url> parse_broker_url(std::string_view text);

/// True if the text has a password, so that it must not be an argument of a command. A text that is
/// not a URL counts if it has a colon before an at sign.
[[nodiscard]] bool has_password(std::string_view text) noexcept;

/// Returns "redis://user@host:6379/0", without the password and without the query.
[[nodiscard]] std::string to_string(const broker_url& url);

} // namespace patio
