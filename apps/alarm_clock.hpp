/// Answers calls at their time, in one thread for any number of them: what `sleep` of the demo
/// needs.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include <patio/functions/reply.hpp>

namespace patio::apps {

/// Usable from any thread. Who still sleeps when it ends is told that the function was dropped.
class alarm_clock {
public:
  using time = std::chrono::steady_clock::time_point;

  alarm_clock();

  /// Answers then, or as soon as nobody waits any more.
  void wake(reply_to<void> to, time when);

private:
  using place = std::pair<time, std::uint64_t>;
  struct sleeper {
    reply_to<void> to;
    std::unique_ptr<std::stop_callback<std::function<void()>>> on_over;
  };

  void run(const std::stop_token& ending);
  void get_up(const place& where);
  [[nodiscard]] std::vector<sleeper> take_awake();

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::uint64_t last_number_ = 0;
  std::map<place, sleeper> sleepers_;
  std::vector<place> over_; ///< nobody waits for these any more, or they are not here yet
  std::jthread thread_;     ///< last: it uses the others
};

} // namespace patio::apps
