/// A fault-free connection to the server. Fetches the server's record, and checks that the server
/// keeps answering.
#pragma once

#include <atomic>
#include <chrono>

#include <patio/patio.hpp>

namespace patio::chaos {

class control {
public:
  /// Throws std::runtime_error if the server refuses the login.
  explicit control(const endpoint& server);
  ~control();
  control(const control&) = delete;
  control& operator=(const control&) = delete;

  /// Sends a call if the previous call has ended and was sent at least 100 ms ago. Must be called
  /// often.
  void watch();
  /// Waits until the last call of `watch` has ended.
  void end_watch() { waiting_.wait(true); }
  /// Counts the calls of `watch` that gave no value.
  [[nodiscard]] std::int64_t unanswered() const noexcept { return asked_ - answered_; }
  [[nodiscard]] std::int64_t asked() const noexcept { return asked_; }
  [[nodiscard]] std::int64_t slowest_ms() const noexcept { return slowest_ms_; }

  [[nodiscard]] std::string record();
  /// Calls the function until it returns `wanted` or `time_limit` has passed. Returns the last
  /// result.
  [[nodiscard]] std::int64_t await(const std::string& function, std::int64_t wanted,
                                   std::chrono::seconds time_limit);
  /// Makes `count` calls. Returns how many of them gave the expected value.
  [[nodiscard]] std::int64_t make_calls(std::int64_t first, std::int64_t count);

private:
  [[nodiscard]] std::int64_t make_calls_at_once(std::int64_t first, std::int64_t count);

  system_config config_;
  caf::actor_system system_{config_};
  tcp_broker_actor broker_;
  std::atomic<std::int64_t> answered_ = 0, slowest_ms_ = 0;
  std::atomic<bool> waiting_ = false;
  std::int64_t asked_ = 0;
  std::chrono::steady_clock::time_point last_{};
};

} // namespace patio::chaos
