/// Listening sockets on all addresses of a host.
#pragma once

#include <string>
#include <vector>

#include <patio/actors/os/socket.hpp>

namespace patio {

struct listeners {
  std::vector<unique_fd> sockets; ///< non-blocking, with SO_REUSEADDR; at least one
  /// The addresses that this machine does not have, each with the reason: "[::1]:80: Cannot assign
  /// requested address".
  std::vector<std::string> left_out;
};

/// Listens on all addresses of the host. May block on the network, as resolve() does.
///
/// Port 0 takes a port that is free at all addresses; if none is found, each address has its own
/// port. Addresses that this machine does not have are left out, unless it has none of them. Any
/// other address where it cannot listen is an error, which names the address and the reason.
[[nodiscard]] result<listeners> listen_on(const endpoint& local);
/// Does the same for a host whose addresses are known.
[[nodiscard]] result<listeners> listen_on(const endpoint& local, std::vector<address> addresses);

} // namespace patio
