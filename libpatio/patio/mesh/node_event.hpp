/// What a node tells its owner, as values. The owner takes the events in their order after each
/// function of the node has returned, and may call back into the node for each of them.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include <patio/base/time.hpp>
#include <patio/functions/registry.hpp>
#include <patio/mesh/connection_id.hpp>
#include <patio/protocol/decode_job.hpp>
#include <patio/protocol/session_event.hpp>
#include <patio/protocol/session_options.hpp>
#include <patio/value/error.hpp>

namespace patio {

/// What is known of a connection.
struct peer_info {
  connection_id id = 0;
  std::string address;                   ///< HOST:PORT of the other end
  role side = role::server;              ///< ours: a client has dialled
  std::vector<std::string> names;        ///< the functions that the peer serves
  std::size_t outbound = 0, inbound = 0; ///< calls in flight
  /// The peer's names, by TLS certificate and key: those that access rules know.
  std::vector<std::string> proved = {};
};

} // namespace patio

namespace patio::mesh {

/// A peer's request, for the answer.
struct inbound_id {
  connection_id from = 0;
  protocol::request_id request;
  friend bool operator==(const inbound_id&, const inbound_id&) = default;
};

/// A function to run for a peer.
struct inbound_call {
  inbound_id id;
  const registry_entry* entry = nullptr; ///< owned by the node's registry
  arguments args;
  instant deadline = never;
  /// Stopped when nobody waits for the answer any more: the caller gave the call up, the time is
  /// up, or the connection is lost.
  std::stop_token stop;
  /// The arguments' share of limits::inbound_bytes. Keep the reservation as long as the arguments,
  /// on any thread.
  std::shared_ptr<const void> reservation;
};

/// Run this and pass what it gives to `node::answer`; an answer after the deadline is dropped.
struct execute_call {
  inbound_call work;
};

/// A call of ours has ended. `token` is what `node::call` was given. A ping that its connection did
/// not outlive ends in this event too.
struct call_finished {
  std::uint64_t token = 0;
  result<value> outcome;
};

struct pong_received {
  std::uint64_t token = 0;
};

/// A peer has logged in and has been discovered.
struct peer_ready {
  peer_info peer;
};

/// A connection has ended. Send the last bytes, then close the socket.
struct connection_closed {
  connection_id id = 0;
  error why;
  std::string last_bytes;
};

struct log_line {
  std::string peer; ///< its address
  std::string text;
};

/// Run the job on any thread and pass it to `node::decoded`.
struct decode_payload {
  connection_id id = 0;
  std::unique_ptr<protocol::decode_job> job;
};

using node_event = std::variant<execute_call, call_finished, pong_received, peer_ready,
                                connection_closed, log_line, decode_payload>;

} // namespace patio::mesh
