/// Events that a node at RabbitMQ reports to its owner, as values. The owner takes the events in
/// order, after each function of the node has returned.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <variant>

#include <patio/base/time.hpp>
#include <patio/functions/registry.hpp>
#include <patio/value/error.hpp>

namespace patio::amqp {

/// Identifies a call to this node.
struct inbound_id {
  std::uint64_t epoch = 0; ///< counts the channels on which calls have arrived
  std::uint64_t delivery_tag = 0;
  friend auto operator<=>(const inbound_id&, const inbound_id&) = default;
};

/// Connect to the server, then call `node::connected` or `node::connect_failed`.
struct dial_server {};

/// The node can call functions, and serves all functions that were not refused. Happens after each
/// dial that succeeds.
struct server_ready {};

/// The connection has ended. Send the last bytes and close the socket, if it is open.
struct server_lost {
  error why;
  std::string last_bytes;
};

/// RabbitMQ refuses the queue of a function. If the queue exists with other options or the user may
/// not use it, the node does not serve the function until it has connected again. Otherwise, for
/// example if the queue's home node is down, the node declares the queue again after a while.
struct function_refused {
  std::string name;
  error why;
};

/// Run the function and pass its result to `node::answer`.
struct execute_call {
  inbound_id id;
  const registry_entry* entry = nullptr; ///< owned by the node's registry
  arguments args;
  instant deadline = never;
  /// Stops when nobody needs the answer any more.
  std::stop_token stop;
  /// Reserves the arguments' share of limits::inbound_bytes. Keep the reservation as long as the
  /// arguments. Any thread may release it.
  std::shared_ptr<const void> reservation;
};

/// An own call has ended. `token` is the argument of `node::call`.
struct call_finished {
  std::uint64_t token = 0;
  result<value> outcome;
};

/// A ping has ended. `token` is the argument of `node::ping`.
struct ping_finished {
  std::uint64_t token = 0;
  result<void> outcome;
};

struct log_line {
  std::string text;
};

using node_event = std::variant<dial_server, server_ready, server_lost, function_refused,
                                execute_call, call_finished, ping_finished, log_line>;

} // namespace patio::amqp
