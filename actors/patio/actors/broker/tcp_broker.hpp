/// A mesh node as one broker actor, with any number of listeners and dialled peers. The broker
/// speaks patio's wire protocol with C++ and Python peers, and runs on CAF's I/O thread. Shut the
/// broker down before its actor system ends, because the system would wait for the broker forever.
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
#include <patio/base/backoff.hpp>

namespace patio {

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

struct connect_options {
  /// Keeps dialling until the first login succeeds. After that login, the node redials whenever the
  /// connection is lost, whatever this option says.
  bool until_connected = true;
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
/// call this on the broker's own thread. Returns the addresses with the actual port.
///
/// Port 0 means any port that is free at all addresses. An address that this machine does not have
/// is left out with a log line, unless the host has no other address. Fails with errc::invalid if a
/// peer on another machine could call this node without a key or a certificate; see tcp_options.
[[nodiscard]] result<std::vector<endpoint>> listen_on_all(const tcp_broker_actor& node,
                                                          const std::string& host,
                                                          std::uint16_t port = default_port);
/// Does the same, but returns only the first address.
[[nodiscard]] result<endpoint> listen(const tcp_broker_actor& node, const std::string& host,
                                      std::uint16_t port = default_port);

/// Dials in the background. Each dial resolves the host anew and tries its addresses as RFC 8305
/// says. If the login fails at one address, the node dials the others.
///
/// The future becomes ready at the first login. By default the node dials until the login succeeds,
/// even with a wrong key or port. If `until_connected` is false, the node gives up once all
/// addresses have failed, and the future holds the error.
std::future<result<peer_info>> connect(const tcp_broker_actor& node, const std::string& host,
                                       std::uint16_t port = default_port,
                                       connect_options options = {});
/// Does the same with a callback in place of the future. The callback runs on the thread that
/// answers, usually the broker's.
void connect_async(const tcp_broker_actor& node, dial_target target,
                   std::function<void(result<peer_info>)> settle);

/// Makes new connections use these TLS options. Open connections keep their old options. Fails with
/// errc::invalid and changes nothing in three cases: the options are wrong, the node was spawned
/// without TLS, or the node could no longer accept connections or demand client certificates.
[[nodiscard]] result<void> replace_tls(const tcp_broker_actor& node, const tls_options& options);

/// Ends a broker and waits until its calls have ended. A TCP broker must be shut down before its
/// actor system ends.
void shut_down(const broker_actor& broker);

/// Shuts a broker down at the end of the scope, even if an exception leaves the scope. Declare the
/// object after the actor system.
class shut_down_at_exit {
public:
  explicit shut_down_at_exit(broker_actor broker) : broker_{std::move(broker)} {}
  ~shut_down_at_exit() { shut_down(broker_); }
  shut_down_at_exit(const shut_down_at_exit&) = delete;
  shut_down_at_exit& operator=(const shut_down_at_exit&) = delete;

private:
  broker_actor broker_;
};

} // namespace patio
