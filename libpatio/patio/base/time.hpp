/// Points in time, and a queue of deadlines. No clock: callers pass the time in, as nanoseconds
/// since an arbitrary fixed moment.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace patio {

using instant = std::chrono::nanoseconds;
inline constexpr instant never = instant::max();

/// Returns `now` plus `wait`, or `never` where the sum would overflow.
[[nodiscard]] constexpr instant after(instant now, std::chrono::nanoseconds wait) noexcept {
  return wait >= never - now ? never : now + wait;
}

/// Keys in the order of the times when they are due. A key that is settled early stays in the heap,
/// as searching for it would cost too much. The owner reports it with `settled` and calls `purge`
/// now and then, which drops such keys once they may exceed half of the content. The size therefore
/// stays proportional to the number of live keys. A resource of one thread.
template <class Key>
class deadline_heap {
public:
  void push(instant due, Key key) {
    heap_.push_back({due, key});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }

  /// Returns when the first key is due, or `never`.
  [[nodiscard]] instant next() const noexcept { return heap_.empty() ? never : heap_.front().due; }

  /// Removes the first key if it is due. The key may have been settled.
  [[nodiscard]] std::optional<Key> pop_due(instant now) {
    if (next() > now || heap_.empty()) return {};
    std::pop_heap(heap_.begin(), heap_.end(), later);
    auto key = heap_.back().key;
    heap_.pop_back();
    return key;
  }

  /// Reports that `keys` more keys are settled.
  void settled(std::size_t keys) noexcept { stale_ += keys; }
  /// Drops the keys that are not live, if the settled keys may be more than half of all.
  template <class Live> // Live(key) -> bool
  void purge(Live live) {
    if (stale_ <= heap_.size() / 2 + 64) return;
    std::erase_if(heap_, [&](const entry& e) { return !live(e.key); });
    std::make_heap(heap_.begin(), heap_.end(), later);
    stale_ = 0;
  }

  [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }

private:
  struct entry {
    instant due;
    Key key;
  };
  static bool later(const entry& a, const entry& b) noexcept { return a.due > b.due; }
  std::vector<entry> heap_;
  std::size_t stale_ = 0;
};

} // namespace patio
