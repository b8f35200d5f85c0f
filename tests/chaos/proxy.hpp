/// A TCP proxy that injects faults: every connection is passed on to one server, each direction
/// with a fault_plan of its own. A resource with one thread, which only poll() ever holds up; ends,
/// with all connections, when destroyed.
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
  /// Listens on a free port of 127.0.0.1. Throws std::runtime_error if that is impossible.
  proxy(const endpoint& server, const fault_options& options);
  ~proxy();
  proxy(const proxy&) = delete;
  proxy& operator=(const proxy&) = delete;

  [[nodiscard]] const endpoint& where() const noexcept { return where_; }
  /// No fault begins after this; pauses that have begun come to their end. Any thread.
  void calm();
  /// How many faults of each kind have been injected. Any thread.
  [[nodiscard]] std::array<std::uint64_t, fault_kinds> faults() const;
  /// Faults within the first bytes of a connection, which are the login's. Any thread.
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
  std::vector<std::unique_ptr<link>> links_; ///< of the thread
  std::array<std::atomic<std::uint64_t>, fault_kinds> faults_{};
  std::atomic<std::uint64_t> login_faults_ = 0, accepted_ = 0;
  std::atomic<bool> calm_ = false, stopping_ = false;
  std::thread thread_;
};

} // namespace patio::chaos
