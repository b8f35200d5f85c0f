/// A mesh node: any number of listeners and dialled peers in one broker actor, which speaks patio's wire protocol to
/// C++ and Python peers alike and runs on CAF's I/O thread. It ends by `shut_down` only: a system waits for it.
#pragma once

#include <future>
#include <memory>
#include <string>

#include <caf/actor_system.hpp>

#include <patio/actors/executor.hpp>
#include <patio/actors/interfaces.hpp>
#include <patio/actors/socket.hpp>
#include <patio/backoff.hpp>

namespace patio {

struct tcp_options {
  std::string key = {}; ///< shared secret of all peers, 0 to 32 bytes; empty logs everyone in
  patio::limits limits = {};
  routing route = routing::least_loaded;
  backoff_options reconnect = {};
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::nanoseconds drain = std::chrono::seconds{10}; ///< for running functions when shutting down
  std::size_t high_water = std::size_t{4} << 20;             ///< with more bytes unread a peer's requests, and calls to it, are refused
  std::size_t write_buffer = std::size_t{64} << 20;          ///< bytes a peer may leave unread before it is cut off
  std::chrono::nanoseconds write_stall = std::chrono::seconds{10}; ///< so long a peer may read nothing of what waits for it
  python_types types = {};                                         ///< Python classes beyond the built-in ones, which all peers must know
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

/// Throws std::invalid_argument for a key of more than 32 bytes. The system's configuration must have loaded caf::io::middleman.
[[nodiscard]] tcp_broker_actor spawn_tcp_broker(caf::actor_system& sys, const executor& exec, tcp_options options = {});

/// Binds in the calling thread, so that errors are known at once. Returns the address with the port that was taken.
[[nodiscard]] result<endpoint> listen(const tcp_broker_actor& node, const std::string& host, std::uint16_t port = default_port);

/// Dials in the background. The future is ready once logged in, or holds the error after which it was given up.
std::future<result<peer_info>> connect(const tcp_broker_actor& node, const std::string& host, std::uint16_t port = default_port,
                                       connect_options options = {});

/// Ends a broker and waits until its calls have ended. A TCP broker needs it before its actor system ends, which would wait for ever.
void shut_down(const broker_actor& broker);

/// Shuts a broker down when it goes out of scope, also by an exception. Declare it after the actor system.
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
