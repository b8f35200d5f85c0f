/// Limits on the resources that peers can use at a node. Every field can be set. 0 never means
/// unlimited, and most limits cannot be 0: a node rejects a limit that is too small.
/// `limit_table.hpp` lists the limits by name, with units, for the command line.
#pragma once

#include <chrono>
#include <cstddef>

#include <patio/base/backoff.hpp>
#include <patio/pickle/pickle.hpp>

namespace patio {

struct limits {
  // Connections, and their resources before login.
  /// Open connections, accepted and dialled. At this number the node accepts no more connections. A
  /// TCP broker reduces the limit, so that 64 of the process's descriptors stay free.
  std::size_t connections = 4096;
  /// Accepted connections before login. At this number, each further connection closes the least
  /// promising connection (node::admit).
  std::size_t connections_before_login = 128;
  /// Longest time for TLS handshake, login and discovery together.
  std::chrono::nanoseconds handshake_timeout = std::chrono::seconds{5};
  /// Handshake bytes of an accepted connection, including the client's certificates.
  std::size_t tls_handshake_bytes = std::size_t{24} << 10;
  std::size_t login_frame_bytes = 1024; ///< payload bytes of a frame before login

  // Frames and calls.
  std::size_t frame_bytes = std::size_t{16} << 20; ///< payload bytes of a frame after login
  /// A frame above this size is not skipped; it closes its connection.
  std::size_t skipped_frame_bytes = std::size_t{64} << 20;
  std::size_t name_bytes = 512;         ///< bytes of a function's name
  std::size_t names_per_peer = 10'000;  ///< functions that one peer serves
  std::size_t keywords_per_call = 1024; ///< keyword arguments of one call
  /// Unanswered calls from one connection. By default inbound_bytes bounds them first.
  std::size_t inbound_calls = 1'000'000;
  std::size_t inbound_bytes = std::size_t{64} << 20;       ///< memory of these calls' arguments
  std::size_t node_inbound_bytes = std::size_t{512} << 20; ///< inbound_bytes of all connections
  std::size_t outbound_calls = 262'144; ///< calls that wait for answers from one connection
  std::size_t waiting_calls = 262'144;  ///< all waiting calls of the node, with or without a peer
  /// Memory of the arguments of the calls that wait for a peer or for a peer's credit.
  std::size_t waiting_bytes = std::size_t{256} << 20;
  std::size_t unknown_serials = 100; ///< answers per minute for which no call waits
  /// Queued calls in a pool per worker (pool_options). By default their bytes bound them first.
  std::size_t queue_per_worker = 1'000'000;
  pickle_limits pickle = {};
  /// Longest time that a large request may wait for its decoding.
  std::chrono::nanoseconds decode_timeout = std::chrono::seconds{2};

  // A peer that reads slowly.
  /// Above this number of unread bytes, the node refuses the peer's requests and calls to the peer.
  std::size_t high_water_bytes = std::size_t{4} << 20;
  /// Above this number of unread bytes, the node closes the connection.
  std::size_t write_buffer_bytes = std::size_t{64} << 20;
  /// Longest time that the peer may read nothing while bytes wait for it.
  std::chrono::nanoseconds write_stall_timeout = std::chrono::seconds{10};

  // Time.
  /// Longest finite timeout of a call. A longer timeout is reduced to this value. A call without a
  /// timeout stays without one.
  std::chrono::nanoseconds longest_timeout = std::chrono::hours{24};
  /// Longest wait for a peer that serves a name. 0 means no wait.
  std::chrono::nanoseconds route_timeout = std::chrono::seconds{5};
  /// Longest wait for unfinished calls at shutdown. 0 means no wait.
  std::chrono::nanoseconds drain_timeout = std::chrono::seconds{10};
  std::chrono::nanoseconds connect_timeout = std::chrono::seconds{5};
  backoff_options reconnect = {};
  /// Interval of the probes, at least one second. A probe asks a peer for its function names. The
  /// node ejects a peer that has not answered a probe when the next probe is due.
  std::chrono::nanoseconds probe_interval = std::chrono::seconds{10};
  /// The node closes a connection after this number of missed probes in a row. A Python peer that
  /// still owes results keeps its connection.
  unsigned missed_probes = 2;
  /// The node ejects a peer for a while after this number of failures in a row. A failure is a call
  /// that the peer refuses or lets time out.
  unsigned failures_to_eject = 3;

  // Socket options against silent peers (tcp(7)), and limits on retries and log output.
  std::chrono::nanoseconds keepalive_delay = std::chrono::seconds{15};
  std::chrono::nanoseconds keepalive_interval = std::chrono::seconds{5};
  unsigned keepalive_probes = 3;
  /// TCP_USER_TIMEOUT.
  std::chrono::nanoseconds unacknowledged_timeout = std::chrono::seconds{20};
  /// Longest delay after a failed accept. The first delay is 10 ms.
  std::chrono::nanoseconds accept_retry_delay = std::chrono::seconds{1};
  /// Log lines per second about one network (network_of), counted separately for warnings and for
  /// other lines. All networks together get ten times as many lines.
  std::size_t log_lines = 10;
};

} // namespace patio
