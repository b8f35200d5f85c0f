#include "alarm_clock.hpp"

namespace patio::apps {

alarm_clock::alarm_clock() : thread_{[this](const std::stop_token& ending) { run(ending); }} {}

// The callback is made before the sleeper is here and without the lock, as it may be called at
// once.
void alarm_clock::wake(reply_to<void> to, time when) {
  auto where = [&] {
    std::lock_guard lock{mutex_};
    return place{when, ++last_number_};
  }();
  auto over = to.stop_token();
  auto on_over = std::make_unique<std::stop_callback<std::function<void()>>>(
    over, [this, where] { get_up(where); });
  {
    std::lock_guard lock{mutex_};
    sleepers_.emplace(where, sleeper{std::move(to), std::move(on_over)});
    if (over.stop_requested()) over_.push_back(where);
    else if (sleepers_.begin()->first != where) return; // somebody gets up before
  }
  changed_.notify_one();
}

void alarm_clock::get_up(const place& where) {
  {
    std::lock_guard lock{mutex_};
    over_.push_back(where);
    if (over_.size() > 1) return; // the thread has been told
  }
  changed_.notify_one();
}

std::vector<alarm_clock::sleeper> alarm_clock::take_awake() {
  std::vector<sleeper> awake;
  auto take = [&](auto at) {
    awake.push_back(std::move(at->second));
    sleepers_.erase(at);
  };
  for (const auto& where : std::exchange(over_, {}))
    if (auto at = sleepers_.find(where); at != sleepers_.end()) take(at);
  auto now = std::chrono::steady_clock::now();
  while (!sleepers_.empty() && sleepers_.begin()->first.first <= now) take(sleepers_.begin());
  return awake;
}

void alarm_clock::run(const std::stop_token& ending) {
  std::unique_lock lock{mutex_};
  while (!ending.stop_requested()) {
    if (auto awake = take_awake(); !awake.empty()) {
      lock.unlock(); // answers take other locks, and a callback that is being called waits for this
                     // one
      for (auto& s : awake) s.to.answer();
      awake.clear();
      lock.lock();
      continue;
    }
    auto next = sleepers_.empty() ? time::max() : sleepers_.begin()->first.first;
    auto earlier = [&] {
      return !over_.empty() || (!sleepers_.empty() && sleepers_.begin()->first.first < next);
    };
    if (next == time::max()) changed_.wait(lock, ending, earlier);
    else changed_.wait_until(lock, ending, next, earlier);
  }
}

} // namespace patio::apps
