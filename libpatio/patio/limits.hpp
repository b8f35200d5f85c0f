/// What a node lets others cost it. Every field can be set; 0 never means unlimited.
#pragma once

#include <chrono>
#include <cstddef>

#include <patio/pickle.hpp>

namespace patio {

struct limits {
  std::size_t frame = std::size_t{16} << 20;                     ///< payload bytes once logged in
  std::size_t frame_before_login = 1024;                         ///< payload bytes until then
  std::size_t drain = std::size_t{64} << 20;                     ///< a larger frame than this is not skipped: its connection closes
  std::chrono::nanoseconds handshake = std::chrono::seconds{5};  ///< TLS, login and discovery together
  std::size_t name = 512;                                        ///< bytes of a function's name
  std::size_t names = 10'000;                                    ///< functions of one peer
  std::size_t keywords = 1024;                                   ///< keyword arguments of one call
  std::size_t inbound_calls = 1024;                              ///< running for one connection
  std::size_t inbound_bytes = std::size_t{64} << 20;             ///< payload bytes of those
  std::size_t node_inbound_bytes = std::size_t{512} << 20;       ///< the same of all connections together
  std::size_t outbound_calls = 16'384;                           ///< waiting for answers from one connection
  std::size_t waiting_calls = 262'144;                           ///< of the whole node, those without a peer included
  std::size_t unknown_serials = 100;                             ///< answers nobody waits for, in one minute
  std::chrono::nanoseconds route_wait = std::chrono::seconds{5}; ///< for a peer that serves a name
  std::chrono::nanoseconds longest_timeout = std::chrono::hours{24};
  /// Asks every peer so often what it serves, at most once a second; one that has not answered when it would be asked again is avoided...
  std::chrono::nanoseconds refresh = std::chrono::seconds{10};
  unsigned missed_refreshes = 2; ///< ...and given up when that has happened so often, unless it is Python's and owes us results
  /// Calls in a row that a peer refused or let time out before it is avoided for a while.
  unsigned failures = 3;
  pickle_limits pickle = {};
};

} // namespace patio
