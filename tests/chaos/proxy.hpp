/// A TCP proxy that injects faults. It passes every connection on to one server; each direction has
/// its own fault_plan. A resource with one thread, which blocks only in poll(). The destructor ends
/// the thread and all connections.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include <patio/actors/os/socket.hpp>

#include "fault_plan.hpp"

namespace patio::chaos {

class proxy {
public:
  /// Listens on a free port of 127.0.0.1. Throws std::runtime_error on failure.
  proxy(const endpoint& server, const fault_options& options);
  ~proxy();
  proxy(const proxy&) = delete;
  proxy& operator=(const proxy&) = delete;

  [[nodiscard]] const endpoint& where() const noexcept { return where_; }
  /// Stops injecting faults. Pauses that have begun still take their time. Any thread may call
  /// this.
  void stop_faults();
  /// Returns the number of injected faults of each kind. Any thread may call this.
  [[nodiscard]] std::array<std::uint64_t, fault_kinds> faults() const;
  /// Returns the number of faults within the login, the first bytes of a connection. Any thread may
  /// call this.
  [[nodiscard]] std::uint64_t login_faults() const noexcept { return login_faults_; }
  [[nodiscard]] std::uint64_t connections() const noexcept { return accepted_; }

private:
  class link;

  void run();
  void wait();
  void accept_all();
  void wake();

  fault_options options_;
  address server_;
  unique_fd listener_, wake_;
  endpoint where_;
  std::vector<std::unique_ptr<link>> links_; ///< used by the thread alone
  std::array<std::atomic<std::uint64_t>, fault_kinds> faults_{};
  std::atomic<std::uint64_t> login_faults_ = 0, accepted_ = 0;
  std::atomic<bool> without_faults_ = false, stopping_ = false;
  std::thread thread_;
};

} // namespace patio::chaos
