/// Accepts and connects sockets outside CAF's I/O thread, because that thread must never wait. A
/// connector has one thread that runs poll(2), and starts a detached thread for each host name to
/// resolve. Its destructor stops and joins the poll thread. Any thread may call the functions.
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

  /// After a failed accept, for example when the process is out of descriptors, the connector
  /// pauses before the next attempt. The first pause is 10 ms, the longest is `longest_pause`.
  explicit connector(std::chrono::nanoseconds longest_pause);
  ~connector();
  connector(const connector&) = delete;
  connector& operator=(const connector&) = delete;

  /// Accepts connections until stop_accepting() or the connector's end. Calls `tell` for each
  /// accepted socket, and with an error for each failed attempt, which it repeats after a pause.
  ///
  /// At most 64 accepted sockets exist at a time. A socket counts until the last copy of its
  /// shared_socket is destroyed. Further connections wait in the kernel's queue.
  void accept(unique_fd listening, on_accepted tell);
  /// Tries the addresses of the host in turn until `patience` has passed. The time for resolving
  /// the host counts as well. Calls `tell` once, unless the connector ends first.
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
