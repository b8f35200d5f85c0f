/// The messages that brokers and executors understand, a comment on each; all type announcements
/// stand here. Values cross threads as they are (they are immutable), so none of these types is
/// ever serialized by CAF.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/atom.hpp>
#include <caf/message.hpp>
#include <caf/typed_actor.hpp>

#include <patio/convert/convert.hpp>
#include <patio/mesh/node.hpp>

namespace patio {

using call_atom = caf::atom_constant<caf::atom("call")>;
using discover_atom = caf::atom_constant<caf::atom("discover")>;
using peers_atom = caf::atom_constant<caf::atom("peers")>;
using join_atom = caf::atom_constant<caf::atom("join")>;
using shut_down_atom = caf::atom_constant<caf::atom("shut_down")>;
using ping_atom = caf::atom_constant<caf::atom("ping")>;
using listen_atom = caf::atom_constant<caf::atom("listen")>;
using tls_atom = caf::atom_constant<caf::atom("tls")>;
using connect_atom = caf::atom_constant<caf::atom("connect")>;

/// What a caller gives a broker beside the function's name and arguments.
struct call_options {
  /// From the request on; the longest time the caller waits. None waits as long as the connection
  /// lives.
  std::optional<std::chrono::nanoseconds> timeout = {};
  /// Only this peer, by its number in peer_info.
  std::optional<connection_id> only = {};
  /// Stopping it ends the call with errc::cancelled, here and, at a C++ peer, there.
  std::stop_token stop = {};
};

/// A call as it goes to a broker.
struct outgoing_call {
  call_request request;
  std::optional<connection_id> only = {};
  std::stop_token stop = {}; ///< gives the call up
  /// Makes the answer's message from the value, an empty message for None; null sends the value
  /// itself.
  result<caf::message> (*convert)(const value&) = nullptr;
  /// If set, gets the result instead of the sender. Dropping it unanswered answers it with
  /// errc::shut_down.
  std::shared_ptr<reply> direct = nullptr;
};

/// Any broker. Errors are of category "patio": from_caf(caf::error) in caf_error.hpp reads them.
using broker_actor = caf::typed_actor<
  /// Calls a function by name and answers its result.
  caf::replies_to<call_atom, call_request>::with<value>,
  /// The same with a choice of peer and a typed result; made by patio::function and patio::call.
  caf::reacts_to<call_atom, outgoing_call>,
  /// Names that can be called now.
  caf::replies_to<discover_atom>::with<std::vector<std::string>>,
  /// Connections that are logged in.
  caf::replies_to<peers_atom>::with<std::vector<peer_info>>,
  /// Answers when the broker has shut down.
  caf::replies_to<join_atom>::with<void>,
  /// Ends every call and connection, then the broker; answers when done.
  caf::replies_to<shut_down_atom>::with<void>>;

struct listening_socket;
struct dial_target;

/// A broker with connections.
using tcp_broker_actor = broker_actor::extend<
  /// Takes over a bound and listening socket; see patio::listen.
  caf::replies_to<listen_atom, listening_socket>::with<void>,
  /// Replaces certificates; see patio::replace_tls.
  caf::replies_to<tls_atom, tls::context>::with<void>,
  /// Dials, and dials again whenever the connection is lost; see patio::connect. Answers once
  /// logged in.
  caf::replies_to<connect_atom, dial_target>::with<peer_info>,
  /// One round trip to that peer that runs no function.
  caf::replies_to<ping_atom, connection_id>::with<void>>;

} // namespace patio

/// What is carried by its fields may be in messages: they never leave the process as such.
template <patio::detail::has_fields T>
struct caf::allowed_unsafe_message_type<T> : std::true_type {};

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(patio::value)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(patio::call_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(patio::outgoing_call)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(patio::peer_info)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<patio::peer_info>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(patio::listening_socket)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(patio::dial_target)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(patio::tls::context)
