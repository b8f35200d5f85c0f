/// Answers calls at a given time, with one thread for any number of calls. The demo function
/// `sleep` uses the clock. Any thread may use it.
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

/// The destructor does not wait for the sleepers: each open call ends with an error, because its
/// reply is dropped without an answer.
class alarm_clock {
public:
  using time = std::chrono::steady_clock::time_point;

  alarm_clock();

  /// Answers the call at `when`, or as soon as its stop token is stopped.
  void wake(reply_to<void> reply, time when);

private:
  using sleeper_key = std::pair<time, std::uint64_t>; ///< ordered by time, then by arrival
  struct sleeper {
    reply_to<void> reply;
    std::unique_ptr<std::stop_callback<std::function<void()>>> on_stop;
  };

  void run(const std::stop_token& stop);
  void stop_sleeper(const sleeper_key& key);
  [[nodiscard]] std::vector<sleeper> take_due();

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::uint64_t last_number_ = 0;
  std::map<sleeper_key, sleeper> sleepers_;
  std::vector<sleeper_key> stopped_; ///< a key may be here before its sleeper is in `sleepers_`
  std::jthread thread_;              ///< last, because the thread uses the other members
};

} // namespace patio::apps
