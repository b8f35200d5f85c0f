/// A mesh node as one broker actor, with any number of listeners and dialled peers. The broker
/// speaks patio's wire protocol with C++ and Python peers, and runs on CAF's I/O thread. Shut the
/// broker down before its actor system ends, because the system waits forever for a broker that has
/// an open connection; see owned_broker.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <caf/actor_system.hpp>

#include <patio/actors/caf/interfaces.hpp>
#include <patio/actors/os/socket.hpp>
#include <patio/actors/pool/executors.hpp>
#include <patio/base/api.hpp>
#include <patio/base/backoff.hpp>

namespace PATIO_API patio {

struct tcp_options {
  /// The key that all peers share, 0 to 32 bytes. An empty key lets every peer in, unless there are
  /// `keys`.
  secret key = {};
  patio::limits limits = {};
  routing route = routing::least_loaded;
  /// TLS for all connections of the node, accepted and dialled. Without these options, connections
  /// are not encrypted.
  std::optional<tls_options> tls = {};
  /// Additional keys that the node accepts. A peer gets the name of the key that it logs in with.
  std::vector<named_key> keys = {};
  /// The rules that say which peer may call which function. Without rules, every peer may call
  /// every function.
  std::vector<access_rule> rules = {};
  /// Lets a node listen beyond this machine even if peers need neither a key nor a certificate.
  bool insecure_listen_to_all = false;
  /// Python classes in addition to the built-in types. All peers must know these classes.
  python_types types = {};
};

/// When a node stops dialling a peer that it has not logged in to yet. After the first login, the
/// node redials whenever the connection is lost.
enum class give_up : std::uint8_t {
  no,
  /// When the peer or this node refuses the login, because of its key, its certificates or its TLS
  /// settings. All other failures are dialled again: the peer may start later.
  when_refused,
  at_first_failure, ///< once all addresses of the host have failed
};

struct connect_options {
  give_up gives_up = give_up::when_refused;
};

struct listening_sockets {
  std::shared_ptr<std::vector<unique_fd>> fds;
};

struct dial_target {
  endpoint where;
  connect_options options;
};

/// Throws std::invalid_argument for keys of more than 32 bytes, for keys that are not distinct, for
/// limits that are too small, for wrong TLS options, and if executors::check fails. Throws
/// std::system_error if the process has no descriptor left. The configuration of `sys` must have
/// loaded caf::io::middleman.
[[nodiscard]] tcp_broker_actor spawn_tcp_broker(caf::actor_system& sys, const executors& run_in,
                                                tcp_options options = {});

/// Listens on all addresses of the host and waits until the broker has adopted the sockets. Do not
/// call this on the broker's own thread. Returns the addresses with the actual port. A text has one
/// of the forms of parse_endpoint, e.g. "127.0.0.1:15383".
///
/// Port 0 means any port that is free at all addresses. An address that this machine does not have
/// is left out with a log line, unless the host has no other address. Fails with errc::invalid if a
/// peer on another machine could call this node without a key or a certificate; see tcp_options.
[[nodiscard]] result<std::vector<endpoint>> listen_on_all(const tcp_broker_actor& node,
                                                          const endpoint& where);
/// Does the same, but returns only the first address.
[[nodiscard]] result<endpoint> listen(const tcp_broker_actor& node, const endpoint& where);
[[nodiscard]] result<endpoint> listen(const tcp_broker_actor& node, std::string_view where);

/// Dials in the background. Each dial resolves the host anew and tries its addresses as RFC 8305
/// says. If the login fails at one address, the node dials the others.
///
/// The future becomes ready at the first login, or with the error after which the node has given
/// up; see give_up.
std::future<result<peer_info>> connect(const tcp_broker_actor& node, const endpoint& where,
                                       connect_options options = {});
std::future<result<peer_info>> connect(const tcp_broker_actor& node, std::string_view where,
                                       connect_options options = {});
/// Does the same with a callback in place of the future. The callback runs on the thread that
/// answers, usually the broker's.
void connect_async(const tcp_broker_actor& node, dial_target target,
                   std::function<void(result<peer_info>)> settle);

/// Makes new connections use these TLS options. Open connections keep their old options. Fails with
/// errc::invalid and changes nothing in three cases: the options are wrong, the node was spawned
/// without TLS, or the node could no longer accept connections or demand client certificates.
[[nodiscard]] result<void> replace_tls(const tcp_broker_actor& node, const tls_options& options);

} // namespace patio
