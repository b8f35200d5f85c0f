/// A mesh node as one broker actor, with any number of listeners and dialled peers. It speaks
/// patio's wire protocol to C++ and Python peers alike and runs on CAF's I/O thread. Shut it down
/// before its actor system ends: the system would wait for the broker forever.
#pragma once

#include <future>
#include <memory>
#include <string>

#include <caf/actor_system.hpp>

#include <patio/actors/caf/interfaces.hpp>
#include <patio/actors/os/socket.hpp>
#include <patio/actors/pool/executor.hpp>
#include <patio/base/backoff.hpp>

namespace patio {

struct tcp_options {
  /// Shared by all peers, 0 to 32 bytes. An empty key lets everyone in, unless there are `keys`.
  secret key = {};
  patio::limits limits = {};
  routing route = routing::least_loaded;
  /// For all connections of the node, accepted and dialled. Without it they are not encrypted.
  std::optional<tls_options> tls = {};
  /// More keys to log in with. Each one names its peer.
  std::vector<named_key> keys = {};
  /// The rules that say which peer may call which function. Without rules, everybody may call
  /// everything.
  std::vector<access_rule> rules = {};
  /// Allows listening beyond this machine although peers need neither a key nor a certificate.
  bool insecure_listen_to_all = false;
  /// Python classes beyond the built-in ones. All peers must know them.
  python_types types = {};
};

struct connect_options {
  /// Dials again after a failure, too. After the first login, a node always dials again.
  bool until_connected = true;
};

struct listening_socket {
  std::shared_ptr<unique_fd> fd;
};

struct dial_target {
  endpoint where;
  connect_options options;
};

/// Throws std::invalid_argument for keys of more than 32 bytes, for keys that are not distinct, for
/// limits that are too small, and for wrong TLS options. The configuration of `sys` must have
/// loaded caf::io::middleman.
[[nodiscard]] tcp_broker_actor spawn_tcp_broker(caf::actor_system& sys, const executor& exec,
                                                tcp_options options = {});

/// Binds a socket and waits until the broker has adopted it, so do not call this within a broker.
/// Returns the address with the actual port. Fails with errc::invalid if any other machine could
/// call this node without proving anything; see tcp_options.
[[nodiscard]] result<endpoint> listen(const tcp_broker_actor& node, const std::string& host,
                                      std::uint16_t port = default_port);

/// Dials in the background. The future becomes ready at the first login. By default the node dials
/// until then, even with a wrong key or port. If `until_connected` is false, it gives up at the
/// first failure, and the future holds the error.
std::future<result<peer_info>> connect(const tcp_broker_actor& node, const std::string& host,
                                       std::uint16_t port = default_port,
                                       connect_options options = {});

/// Makes new connections use these certificates; open connections keep theirs. Fails with
/// errc::invalid, and changes nothing, if the options are wrong, if the node was spawned without
/// TLS, or if it would no longer demand client certificates.
[[nodiscard]] result<void> replace_tls(const tcp_broker_actor& node, const tls_options& options);

/// Ends a broker and waits until its calls have ended. A TCP broker must be shut down before its
/// actor system ends.
void shut_down(const broker_actor& broker);

/// Shuts a broker down at the end of the scope, also when an exception leaves the scope. Declare it
/// after the actor system.
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
