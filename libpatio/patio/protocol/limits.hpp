/// What a node lets others cost it. Every field can be set; 0 never means unlimited, and most
/// cannot be 0: no node is made with one that is too small. `limit_table.hpp` has them by name,
/// with units, as the command line takes them.
#pragma once

#include <chrono>
#include <cstddef>

#include <patio/base/backoff.hpp>
#include <patio/pickle/pickle.hpp>

namespace patio {

struct limits {
  // Connections, and what they may cost before they have logged in.
  std::size_t connections =
    4096; ///< accepted; a TCP broker leaves 64 of the process's descriptors free as well
  std::size_t connections_before_login =
    128; ///< accepted ones; one more costs the least promising (node::admit)
  std::chrono::nanoseconds handshake_timeout =
    std::chrono::seconds{5}; ///< TLS, login and discovery together
  std::size_t tls_handshake_bytes =
    std::size_t{8} << 10; ///< bytes of an accepted one, the client's certificates included
  std::size_t login_frame_bytes = 1024; ///< payload bytes until then

  // Frames and calls.
  std::size_t frame_bytes = std::size_t{16} << 20; ///< payload bytes once logged in
  std::size_t skipped_frame_bytes =
    std::size_t{64} << 20;      ///< a larger frame than this is not skipped: its connection closes
  std::size_t name_bytes = 512; ///< bytes of a function's name
  std::size_t names_per_peer = 10'000;                     ///< functions of one peer
  std::size_t keywords_per_call = 1024;                    ///< keyword arguments of one call
  std::size_t inbound_calls = 1024;                        ///< running for one connection
  std::size_t inbound_bytes = std::size_t{64} << 20;       ///< of their arguments, as decoded
  std::size_t node_inbound_bytes = std::size_t{512} << 20; ///< the same of all connections together
  std::size_t outbound_calls = 16'384; ///< waiting for answers from one connection
  std::size_t waiting_calls = 262'144; ///< of the whole node, those without a peer included
  std::size_t unknown_serials = 100;   ///< answers nobody waits for, in one minute
  std::size_t queue_per_worker =
    64; ///< calls that wait in a pool, for each of its workers (pool_options)
  pickle_limits pickle = {};
  std::chrono::nanoseconds decode_timeout =
    std::chrono::seconds{2}; ///< so long a large request may wait to be decoded

  // A peer that reads slowly.
  std::size_t high_water_bytes =
    std::size_t{4} << 20; ///< with more bytes unread its requests, and calls to it, are refused
  std::size_t write_buffer_bytes = std::size_t{64}
                                   << 20; ///< bytes it may leave unread before it is cut off
  std::chrono::nanoseconds write_stall_timeout =
    std::chrono::seconds{10}; ///< so long it may read nothing of what waits for it

  // Time.
  std::chrono::nanoseconds longest_timeout =
    std::chrono::hours{24}; ///< a call's; longer ones are cut to it
  std::chrono::nanoseconds route_timeout =
    std::chrono::seconds{5}; ///< for a peer that serves a name; 0 does not wait
  std::chrono::nanoseconds drain_timeout =
    std::chrono::seconds{10}; ///< for running functions when shutting down
  std::chrono::nanoseconds connect_timeout = std::chrono::seconds{5};
  backoff_options reconnect = {};
  /// Asks every peer so often what it serves, at most once a second; one that has not answered when
  /// it would be asked again is avoided...
  std::chrono::nanoseconds probe_interval = std::chrono::seconds{10};
  unsigned missed_probes = 2; ///< ...and given up when that has happened so often, unless it is
                              ///< Python's and owes us results
  unsigned failures_to_eject =
    3; ///< calls in a row that a peer refused or let time out before it is avoided for a while

  // The system's own means against silent peers (tcp(7)), and against noise.
  std::chrono::nanoseconds keepalive_delay = std::chrono::seconds{15};
  std::chrono::nanoseconds keepalive_interval = std::chrono::seconds{5};
  unsigned keepalive_probes = 3;
  std::chrono::nanoseconds unacknowledged_timeout = std::chrono::seconds{20}; ///< TCP_USER_TIMEOUT
  std::chrono::nanoseconds accept_retry_delay =
    std::chrono::seconds{1}; ///< the longest after an accept that failed; the first is 10 ms
  std::size_t log_lines =
    10; ///< a second for each peer's host, and ten times that for all together
};

} // namespace patio
