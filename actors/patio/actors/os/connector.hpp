/// Accepts and connects sockets outside CAF's I/O thread, because that thread must never wait. A
/// connector has one thread that runs poll(2), and starts a detached thread for each host name to
/// resolve. Its destructor stops and joins the poll thread. Any thread may call the functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include <patio/actors/os/host_dial.hpp>
#include <patio/actors/os/socket.hpp>

namespace patio {

class connector {
public:
  /// Callbacks run on the connector's thread.
  using on_accepted = std::function<void(shared_socket)>;
  /// Runs on a thread of its own, and may block.
  using resolver = std::function<result<std::vector<address>>(const endpoint&)>;

  /// When the process is out of descriptors, the connector pauses between two attempts to accept.
  /// The first pause has 10 ms, and the longest has `longest_pause`.
  explicit connector(std::chrono::nanoseconds longest_pause, resolver resolve = resolve_to_dial);
  ~connector();
  connector(const connector&) = delete;
  connector& operator=(const connector&) = delete;

  /// Accepts connections until stop_accepting() or the connector's end. Calls `tell` for each
  /// accepted socket, and with an error for each failed attempt, which it repeats after a pause.
  ///
  /// At most 64 accepted sockets exist at a time. A socket counts until the last copy of its
  /// shared_socket is destroyed. Further connections wait in the kernel's queue.
  void accept(unique_fd listening, on_accepted tell);
  /// Resolves the host anew and connects to the first of its addresses that answers. Calls `tell`
  /// once, unless the connector ends first. Dials of one host share a thread that resolves it.
  void connect(dial_request request, on_connected tell);
  /// Calls `tell` once, after `wait`, unless the connector ends first.
  void after(std::chrono::nanoseconds wait, std::function<void()> tell);
  /// Closes the listening sockets.
  void stop_accepting();

private:
  static result<std::vector<address>> resolve_to_dial(const endpoint& target);

  struct state;
  std::shared_ptr<state> state_;
};

} // namespace patio
