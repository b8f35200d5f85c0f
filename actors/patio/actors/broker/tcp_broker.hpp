/// A mesh node: any number of listeners and dialled peers in one broker actor, which speaks patio's
/// wire protocol to C++ and Python peers alike and runs on CAF's I/O thread. It ends by `shut_down`
/// only: a system waits for it.
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
  secret key =
    {}; ///< shared by all peers, 0 to 32 bytes; empty lets everyone in, unless there are `keys`
  patio::limits limits = {};
  routing route = routing::least_loaded;
  std::optional<tls_options> tls =
    {}; ///< for all connections of the node, accepted and dialled; none sends in the clear
  std::vector<named_key> keys = {};    ///< more keys to log in with, each of which tells who does
  std::vector<access_rule> rules = {}; ///< who may call what; none lets everybody call everything
  bool insecure_listen_to_all = false; ///< whether to listen beyond this machine though a peer
                                       ///< needs neither a key nor a certificate
  python_types types = {}; ///< Python classes beyond the built-in ones, which all peers must know
};

struct connect_options {
  /// Whether to go on after a failure; after a login it always dials again.
  bool until_connected = true;
};

struct listening_socket {
  std::shared_ptr<unique_fd> fd;
};

struct dial_target {
  endpoint where;
  connect_options options;
};

/// Throws std::invalid_argument for keys of more than 32 bytes or that cannot be told apart, for
/// limits that are too small, and for wrong TLS options. The system's configuration must have
/// loaded caf::io::middleman.
[[nodiscard]] tcp_broker_actor spawn_tcp_broker(caf::actor_system& sys, const executor& exec,
                                                tcp_options options = {});

/// Binds, and waits for the broker to take the socket over: not to be called from within a broker.
/// Returns the address with the port that was taken. Fails with errc::invalid where anybody could
/// call this node from elsewhere; see tcp_options.
[[nodiscard]] result<endpoint> listen(const tcp_broker_actor& node, const std::string& host,
                                      std::uint16_t port = default_port);

/// Dials in the background. The future is ready once logged in, or holds the error after which it
/// was given up: by default it never is, though a wrong key or port may go on for ever; with
/// `until_connected` false it is at the first failure.
std::future<result<peer_info>> connect(const tcp_broker_actor& node, const std::string& host,
                                       std::uint16_t port = default_port,
                                       connect_options options = {});

/// From now on, new connections use these certificates; those that are open go on. Fails with
/// errc::invalid, and changes nothing, if the options are wrong, the node was spawned without TLS,
/// or it would no longer demand client certificates.
[[nodiscard]] result<void> replace_tls(const tcp_broker_actor& node, const tls_options& options);

/// Ends a broker and waits until its calls have ended. A TCP broker needs it before its actor
/// system ends, which would wait for ever.
void shut_down(const broker_actor& broker);

/// Shuts a broker down when it goes out of scope, also by an exception. Declare it after the actor
/// system.
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
