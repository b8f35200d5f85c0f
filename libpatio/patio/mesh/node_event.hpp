/// Events that a node reports to its owner, as values. The owner takes the events in order, after
/// each function of the node has returned. While the owner handles an event, it may call the node.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include <patio/base/queue_place.hpp>
#include <patio/base/time.hpp>
#include <patio/functions/registry.hpp>
#include <patio/mesh/connection_id.hpp>
#include <patio/protocol/decode_job.hpp>
#include <patio/protocol/session_event.hpp>
#include <patio/protocol/session_options.hpp>
#include <patio/value/error.hpp>

namespace patio {

/// Describes a connection and its peer.
struct peer_info {
  connection_id id = 0;
  std::string address;                   ///< HOST:PORT of the other end
  role side = role::server;              ///< this node's side; a client has dialled the peer
  std::vector<std::string> names;        ///< the functions that the peer serves
  std::size_t outbound = 0, inbound = 0; ///< unanswered calls to the peer and from the peer
  /// Names that the peer has proved with its TLS certificate and its key, for access rules.
  std::vector<std::string> proved = {};
};

} // namespace patio

namespace patio::mesh {

/// Identifies a request from a peer.
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
  /// Stops when the answer is no longer needed: the caller has cancelled the call, the deadline has
  /// passed, or the connection is lost.
  std::stop_token stop;
  /// Reserves the arguments' share of limits::inbound_bytes. Keep the reservation as long as the
  /// arguments. Any thread may release it. It is also the call's place in the executor's queue.
  std::shared_ptr<queue_place> reservation;
};

/// Run this call and pass its result to `node::answer`. An answer after the deadline is dropped.
struct execute_call {
  inbound_call work;
};

/// A round trip that calls no function.
struct ping {};
/// Asks what functions do. At most protocol::max_described names are asked about.
struct describe {
  std::vector<std::string> names;
};
using question = std::variant<ping, describe>;

/// An outbound call has ended. `token` is the argument of `node::call`. A question also ends in
/// this event if its connection has ended.
struct call_finished {
  std::uint64_t token = 0;
  result<value> outcome;
};

/// A peer has answered a question.
struct answer_received {
  std::uint64_t token = 0;
  std::optional<value> description = {}; ///< for `describe`: decoded, but not checked yet
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
  /// We accepted the connection, and the peer has not sent a byte: a health check, for example.
  bool was_silent = false;
};

struct log_line {
  std::string peer; ///< the peer's address
  std::string text;
};

/// Run the job on any thread and pass it to `node::decoded`.
struct decode_payload {
  connection_id id = 0;
  std::unique_ptr<protocol::decode_job> job;
};

using node_event = std::variant<execute_call, call_finished, answer_received, peer_ready,
                                connection_closed, log_line, decode_payload>;

} // namespace patio::mesh
