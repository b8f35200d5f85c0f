/// Accepts and connects sockets outside CAF's I/O thread, which must never wait. Has one thread
/// with poll(2), and a short-lived detached thread for each host name that must be resolved. A
/// resource: its destructor stops and joins the thread. The functions may be called on any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include <patio/actors/os/socket.hpp>

namespace patio {

class connector {
public:
  /// Callbacks run on the connector's thread.
  using on_accepted = std::function<void(shared_socket)>;
  using on_connected = std::function<void(result<unique_fd>)>;

  /// When the process is out of descriptors, the connector pauses between two attempts to accept.
  /// The first pause has 10 ms, and the longest has `longest_pause`.
  explicit connector(std::chrono::nanoseconds longest_pause);
  ~connector();
  connector(const connector&) = delete;
  connector& operator=(const connector&) = delete;

  /// Accepts connections until stop_accepting() or the connector's end. Calls `tell` for each
  /// accepted socket, and with an error for each failed attempt, which it repeats after a pause.
  ///
  /// At most 64 accepted sockets exist at a time, each until the last copy of its shared_socket is
  /// gone. Further connections wait in the system's queue.
  void accept(unique_fd listening, on_accepted tell);
  /// Tries the addresses of the host in turn until `patience` has passed, the time for resolving
  /// the host included. Calls `tell` once, unless the connector ends first.
  void connect(endpoint target, std::chrono::milliseconds patience, on_connected tell);
  /// Calls `tell` once, after `wait`, unless the connector ends first.
  void after(std::chrono::nanoseconds wait, std::function<void()> tell);
  /// Closes the listening sockets.
  void stop_accepting();

private:
  struct state;
  std::shared_ptr<state> state_;
};

} // namespace patio
