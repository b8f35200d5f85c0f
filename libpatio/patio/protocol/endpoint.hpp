/// Parses and writes "HOST:PORT".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <patio/base/api.hpp>
#include <patio/value/error.hpp>

namespace PATIO_API patio {

inline constexpr std::uint16_t default_port = 15383; ///< the default of Python patio, too

struct endpoint {
  std::string host;
  std::uint16_t port = default_port;
  friend bool operator==(const endpoint&, const endpoint&) = default;
};

/// Parses "host", "host:port", "1.2.3.4:port", "[::1]:port", "[::1]" or "::1". An IPv4 address has
/// four decimal numbers: the old forms, such as "127.1", fail. Fails with errc::invalid; the
/// message describes valid input.
[[nodiscard]] result<endpoint> parse_endpoint(std::string_view text);

/// Parses the same forms. `port` is the port of a text without one. On failure, returns what is
/// wrong, without quoting the text.
[[nodiscard]] tl::expected<endpoint, const char*> read_endpoint(std::string_view text,
                                                                std::uint16_t port);

/// Returns the network of a "HOST:PORT" with a numeric host: a whole IPv4 address, or the first 64
/// bits of an IPv6 address. Limits per peer count networks, because a single owner usually has 2^64
/// IPv6 addresses.
[[nodiscard]] std::string network_of(std::string_view address);

/// Returns "HOST:PORT", with brackets around an IPv6 address.
[[nodiscard]] std::string to_string(const endpoint& e);

} // namespace patio
