/// One run: a server process, the proxy, a client process that makes calls, and the account of the
/// calls.
#pragma once

#include <chrono>
#include <string>

#include "account.hpp"
#include "fault_plan.hpp"

namespace patio::chaos {

struct run_options {
  bool python_client = false, python_server = false;
  std::int64_t calls = 0;
  double rate = 0; ///< calls that begin each second
  bool careful = true;
  fault_options faults;
  std::chrono::seconds patience{20}; ///< time for the open calls to end after the last fault
};

struct run_report {
  run_options options;
  account::sums calls;
  std::map<std::string, std::int64_t> endings;
  std::int64_t hung = 0; ///< calls still open after `patience`
  std::array<std::uint64_t, fault_kinds> faults{};
  std::uint64_t login_faults = 0, connections = 0;
  std::string probed; ///< "ANSWERED of BROKERS", after the faults
  /// Calls of the control connection: their number, those without a value, and the slowest.
  std::int64_t watched = 0, watch_unanswered = 0, watch_slowest_ms = 0;
  std::int64_t left_running = 0, left_peers = 0; ///< at the server after the client has ended
  std::int64_t answered_after = 0; ///< how many of the final `calls_after` calls were answered
  int client_exit = 0, server_exit = 0;
  double seconds = 0, server_end_seconds = 0;
};

inline constexpr std::int64_t calls_after = 500;
inline constexpr std::int64_t grace_ms = 3000; ///< for a busy machine

/// Throws std::runtime_error if a process does not follow its protocol.
[[nodiscard]] run_report run(const run_options& options);

/// Prints all figures of a report.
void print(const run_report& r);
[[nodiscard]] std::string pairing(const run_options& o);

} // namespace patio::chaos
