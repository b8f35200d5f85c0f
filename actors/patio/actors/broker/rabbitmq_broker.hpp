/// A node at RabbitMQ as one broker actor: a peer of Python's patio-rabbitmq 0.1.1. Nodes do not
/// dial each other. Calls wait in RabbitMQ's queues, one for each function, until a server takes
/// them. The broker runs on CAF's I/O thread. Shut the broker down before its actor system ends;
/// see owned_broker.
#pragma once

#include <functional>
#include <future>
#include <map>
#include <string>

#include <caf/actor_system.hpp>

#include <patio/actors/caf/interfaces.hpp>
#include <patio/actors/pool/executors.hpp>
#include <patio/amqp/node_options.hpp>
#include <patio/base/api.hpp>

namespace PATIO_API patio {

struct rabbitmq_options {
  /// amqp://USER:PASSWORD@HOST:PORT/VHOST, or amqps:// for TLS. The parameter ?heartbeat=SECONDS is
  /// known as well.
  secret url = "amqp://127.0.0.1/";
  patio::limits limits = {};
  /// TLS for amqps. Without these options, RabbitMQ's certificate must be one that the system
  /// trusts.
  std::optional<tls_options> tls = {};
  /// How the node serves the functions that `functions` does not name: what happens to calls that
  /// RabbitMQ delivers again, and the options of the queues.
  served_function serve = {};
  std::map<std::string, served_function, std::less<>> functions = {};
  /// Calls of one function that this node takes before it has answered them. More make many short
  /// calls faster. Fewer leave more calls to other servers, and fewer calls are delivered again if
  /// this node is lost.
  std::uint16_t prefetch = 16;
  /// Python classes in addition to the built-in types. All peers must know these classes.
  python_types types = {};
  std::string name = {}; ///< of the connection, for RabbitMQ's operator
};

/// Connects in the background, and again whenever the connection is lost. Throws
/// std::invalid_argument for a wrong URL, for limits that are too small, for wrong TLS options, for
/// a function's name that RabbitMQ does not take, and if executors::check fails. Throws
/// std::system_error if the process has no descriptor left. The configuration of `sys` must have
/// loaded caf::io::middleman.
[[nodiscard]] rabbitmq_broker_actor spawn_rabbitmq_broker(caf::actor_system& sys,
                                                          const executors& run_in,
                                                          rabbitmq_options options = {});

struct ready_options {
  /// Waits through failures to connect. If false, the first failure is the answer.
  bool until_connected = true;
};

/// The future becomes ready once the node can call functions and serves its own. It holds the error
/// if RabbitMQ refuses the queue of a function or cannot provide it for now: the node serves its
/// other functions then.
std::future<result<void>> ready(const rabbitmq_broker_actor& node, ready_options options = {});

} // namespace patio
