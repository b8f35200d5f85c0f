/// The messages of brokers, with a comment on each message. CAF never serializes their types:
/// values are immutable and pass between threads without a copy.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/atom.hpp>
#include <caf/detail/type_traits.hpp>
#include <caf/message.hpp>
#include <caf/typed_actor.hpp>

#include <patio/convert/convert.hpp>
#include <patio/mesh/node.hpp>
#include <patio/protocol/descriptions.hpp>

namespace patio {

using call_atom = caf::atom_constant<caf::atom("call")>;
using discover_atom = caf::atom_constant<caf::atom("discover")>;
using peers_atom = caf::atom_constant<caf::atom("peers")>;
using join_atom = caf::atom_constant<caf::atom("join")>;
using shut_down_atom = caf::atom_constant<caf::atom("shut_down")>;
using ping_atom = caf::atom_constant<caf::atom("ping")>;
using describe_atom = caf::atom_constant<caf::atom("describe")>;
using listen_atom = caf::atom_constant<caf::atom("listen")>;
using tls_atom = caf::atom_constant<caf::atom("tls")>;
using connect_atom = caf::atom_constant<caf::atom("connect")>;
using ready_atom = caf::atom_constant<caf::atom("ready")>;

/// A caller's options for a call, in addition to the function's name and arguments.
struct call_options {
  /// The longest time that the caller waits, counted from the request. Without a timeout the call
  /// waits as long as its connection lives.
  std::optional<std::chrono::nanoseconds> timeout = {};
  /// The connection_id of the only peer that may get the call; see peer_info.
  std::optional<connection_id> only = {};
  /// A stop request ends the call with errc::cancelled. A C++ peer then stops the function's own
  /// stop token.
  std::stop_token stop = {};
};

/// A call on its way to a broker.
struct outgoing_call {
  call_request request;
  std::optional<connection_id> only = {};
  std::stop_token stop = {}; ///< a stop request cancels the call
  /// Converts the result to the answer's message, which is empty for None. If null, the answer is
  /// the value itself.
  result<caf::message> (*convert)(const value&) = nullptr;
  /// If set, this reply gets the result instead of the sender.
  std::shared_ptr<reply> direct = nullptr;
};

/// Any broker. Errors from a broker have the category "patio"; from_caf() in error.hpp converts
/// them.
using broker_actor = caf::typed_actor<
  /// Calls a function by name. Answers with the function's result.
  caf::replies_to<call_atom, call_request>::with<value>,
  /// Calls a function at a chosen peer or with a typed result. patio::function and patio::call send
  /// this message.
  caf::reacts_to<call_atom, outgoing_call>,
  /// Answers with the names that can be called now.
  caf::replies_to<discover_atom>::with<std::vector<std::string>>,
  /// Answers with the peers that are logged in.
  caf::replies_to<peers_atom>::with<std::vector<peer_info>>,
  /// Answers when the broker has shut down.
  caf::replies_to<join_atom>::with<void>,
  /// Shuts the broker down and answers after that. A TCP broker first drains: it waits up to
  /// limits::drain_timeout for its calls to end.
  caf::replies_to<shut_down_atom>::with<void>>;

struct listening_sockets;
struct dial_target;

/// A broker with connections.
using tcp_broker_actor = broker_actor::extend<
  /// Adopts listening sockets; see patio::listen.
  caf::replies_to<listen_atom, listening_sockets>::with<void>,
  /// Replaces the certificates for new connections; see patio::replace_tls.
  caf::replies_to<tls_atom, tls::context>::with<void>,
  /// Dials a peer, and dials again whenever the connection is lost; see patio::connect. Answers
  /// after the first login.
  caf::replies_to<connect_atom, dial_target>::with<peer_info>,
  /// Makes one round trip to the peer, without running a function.
  caf::replies_to<ping_atom, connection_id>::with<void>,
  /// Asks the peer what its functions with these names do, at most protocol::max_described.
  caf::replies_to<describe_atom, connection_id,
                  std::vector<std::string>>::with<function_descriptions>>;

/// A broker that meets its peers at a server of another kind, such as Redis.
using engine_broker_actor = broker_actor::extend<
  /// Answers once the broker is logged in to its server, or with the next failure.
  caf::replies_to<connect_atom>::with<void>,
  /// Makes one round trip to the server.
  caf::replies_to<ping_atom>::with<void>>;

/// A broker at a RabbitMQ server.
using rabbitmq_broker_actor = engine_broker_actor::extend<
  /// Answers once the node can call functions and serves its own; see patio::ready. The bool is
  /// ready_options::until_connected.
  caf::replies_to<ready_atom, bool>::with<void>>;

} // namespace patio

/// Allows any type that converts to a value in CAF messages, because patio's CAF messages never
/// leave the process. CAF keeps its own serialization of the types that it can serialize.
template <patio::convertible T>
  requires(!caf::detail::is_serializable<T>::value)
struct caf::allowed_unsafe_message_type<T> : std::true_type {};

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(patio::call_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(patio::outgoing_call)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(patio::peer_info)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<patio::peer_info>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(patio::listening_sockets)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(patio::dial_target)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(patio::tls::context)
