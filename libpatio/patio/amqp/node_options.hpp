/// Options of a node at RabbitMQ.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include <patio/amqp/connection.hpp>
#include <patio/amqp/ids.hpp>
#include <patio/amqp/table.hpp>
#include <patio/base/digest.hpp>
#include <patio/protocol/limits.hpp>
#include <patio/value/python_types.hpp>

namespace patio {

/// RabbitMQ delivers a call again if a server was lost before it acknowledged the call. That server
/// may have run the function. This option says what the next server does with such a call.
enum class redelivery : std::uint8_t {
  /// Answers with errc::maybe_executed (in Python: ConnectionError) and does not run the function.
  at_most_once,
  /// Runs the function again, as Python servers do. For functions that may run twice.
  at_least_once,
  /// Acknowledges each call before the function runs, so that RabbitMQ never delivers it again. The
  /// call is lost with its server: its caller waits for its timeout.
  ack_before_run,
};

/// The queue of a function. All servers of one function must declare the queue with equal options,
/// in C++ and in Python. The defaults are those of patio-rabbitmq 0.1.1.
struct queue_options {
  bool durable = false;     ///< survives a restart of RabbitMQ; RabbitMQ 4.3 demands it
  bool auto_delete = false; ///< is deleted with its last server
  /// Further arguments, such as {"x-expires", {std::int64_t{60'000}}}. RabbitMQ gives their
  /// meaning.
  amqp::table arguments = {};
};

/// Options of one function that a node serves.
struct served_function {
  redelivery on_redelivery = redelivery::at_most_once;
  queue_options queue = {};
};

} // namespace patio

namespace patio::amqp {

struct node_options {
  /// `body_bytes`, `heartbeat` and `missed_heartbeats` follow from the limits.
  connection_options connection = {};
  patio::limits limits = {};
  /// The calls of one function that the node takes before it has answered them.
  std::uint16_t prefetch = 16;
  served_function serve = {}; ///< for the functions that `functions` does not name
  std::map<std::string, served_function, std::less<>> functions = {};
  python_types types = {}; ///< classes supported in addition to the built-in types
  id_source::random_function random = random_bytes;
  std::uint64_t seed = 0; ///< of the random delays before the node connects again
};

} // namespace patio::amqp
