/// "HOST:PORT" as people write it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <patio/value/error.hpp>

namespace patio {

inline constexpr std::uint16_t default_port = 15383; ///< Python patio's

struct endpoint {
  std::string host;
  std::uint16_t port = default_port;
  friend bool operator==(const endpoint&, const endpoint&) = default;
};

/// "host", "host:port", "1.2.3.4:port", "[::1]:port", "[::1]" or "::1". Fails with errc::invalid,
/// saying what would be right.
[[nodiscard]] result<endpoint> parse_endpoint(std::string_view text);

/// Of "HOST:PORT" with a numeric host, what one owner is sure to have of its own: an IPv4 address,
/// the first half of an IPv6 one, as whoever has one of those has 2^64. For counting by peer.
[[nodiscard]] std::string network_of(std::string_view address);

/// With brackets round an IPv6 address.
[[nodiscard]] std::string to_string(const endpoint& e);

} // namespace patio
