#include "alarm_clock.hpp"

namespace patio::apps {

alarm_clock::alarm_clock() : thread_{[this](const std::stop_token& stop) { run(stop); }} {}

// The stop callback may run inside its own constructor. It is therefore constructed without the
// lock, and before its sleeper is in the map.
void alarm_clock::wake(reply_to<void> reply, time when) {
  auto key = [&] {
    std::lock_guard lock{mutex_};
    return sleeper_key{when, ++last_number_};
  }();
  auto token = reply.stop_token();
  auto on_stop = std::make_unique<std::stop_callback<std::function<void()>>>(
    token, [this, key] { stop_sleeper(key); });
  {
    std::lock_guard lock{mutex_};
    sleepers_.emplace(key, sleeper{std::move(reply), std::move(on_stop)});
    if (token.stop_requested()) stopped_.push_back(key);
    else if (sleepers_.begin()->first != key) return; // the thread wakes for an earlier sleeper
  }
  changed_.notify_one();
}

void alarm_clock::stop_sleeper(const sleeper_key& key) {
  {
    std::lock_guard lock{mutex_};
    stopped_.push_back(key);
    if (stopped_.size() > 1) return; // the thread has already been notified
  }
  changed_.notify_one();
}

std::vector<alarm_clock::sleeper> alarm_clock::take_due() {
  std::vector<sleeper> due;
  auto take = [&](auto at) {
    due.push_back(std::move(at->second));
    sleepers_.erase(at);
  };
  for (const auto& key : std::exchange(stopped_, {}))
    if (auto at = sleepers_.find(key); at != sleepers_.end()) take(at);
  auto now = std::chrono::steady_clock::now();
  while (!sleepers_.empty() && sleepers_.begin()->first.first <= now) take(sleepers_.begin());
  return due;
}

void alarm_clock::run(const std::stop_token& stop) {
  std::unique_lock lock{mutex_};
  while (!stop.stop_requested()) {
    if (auto due = take_due(); !due.empty()) {
      // An answer takes other locks. The destructor of a stop callback waits until the callback
      // has returned, and the callback waits for this lock.
      lock.unlock();
      for (auto& s : due) s.reply.answer();
      due.clear();
      lock.lock();
      continue;
    }
    auto next = sleepers_.empty() ? time::max() : sleepers_.begin()->first.first;
    auto earlier = [&] {
      return !stopped_.empty() || (!sleepers_.empty() && sleepers_.begin()->first.first < next);
    };
    if (next == time::max()) changed_.wait(lock, stop, earlier);
    else changed_.wait_until(lock, stop, next, earlier);
  }
}

} // namespace patio::apps
