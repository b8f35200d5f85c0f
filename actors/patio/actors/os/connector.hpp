/// Accepts and connects off CAF's I/O thread, which must never wait: one thread with poll(2), and a
/// short-lived one for each name that must be resolved. A resource; stops and joins its thread when
/// destroyed. No CAF.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include <patio/actors/os/socket.hpp>

namespace patio {

class connector {
public:
  /// Called on the connector's thread.
  using on_accepted = std::function<void(shared_socket)>;
  using on_connected = std::function<void(result<unique_fd>)>;

  /// `longest_pause`: between two attempts to accept when the process is out of descriptors; the
  /// first is 10 ms.
  explicit connector(std::chrono::nanoseconds longest_pause);
  ~connector();
  connector(const connector&) = delete;
  connector& operator=(const connector&) = delete;

  /// Accepts until destroyed, but no more than 64 that have not been dropped yet: the others wait
  /// in the system's queue. An accept that failed is told, and tried again after a pause.
  void accept(unique_fd listening, on_accepted tell);
  /// Tries the host's addresses in turn until `patience` has passed; `tell` is called once, unless
  /// the connector ends before.
  void connect(endpoint to, std::chrono::milliseconds patience, on_connected tell);
  /// Calls `tell` once after a while.
  void after(std::chrono::nanoseconds wait, std::function<void()> tell);
  /// Closes the listening sockets.
  void stop_accepting();

private:
  struct state;
  std::shared_ptr<state> state_;
};

} // namespace patio
