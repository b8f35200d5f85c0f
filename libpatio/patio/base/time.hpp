/// Points in time, and a queue of deadlines. Nothing here reads a clock: callers pass the time, in
/// nanoseconds since an arbitrary fixed moment.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace patio {

using instant = std::chrono::nanoseconds;
inline constexpr instant never = instant::max();

/// Returns `now` plus `wait`, or `never` if the sum would overflow.
[[nodiscard]] constexpr instant after(instant now, std::chrono::nanoseconds wait) noexcept {
  return wait >= never - now ? never : now + wait;
}

/// A heap of keys, ordered by deadline. A key that is settled before its deadline stays in the
/// heap, because a search for the key would take too long. The owner reports settled keys with
/// `settled` and calls `purge` from time to time. `purge` drops the settled keys once they may be
/// more than half of the heap, so the size stays proportional to the number of live keys. A heap
/// belongs to one thread.
template <class Key>
class deadline_heap {
public:
  void push(instant due, Key key) {
    heap_.push_back({due, key});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }

  /// Returns the deadline of the first key, or `never` if the heap is empty.
  [[nodiscard]] instant next() const noexcept { return heap_.empty() ? never : heap_.front().due; }

  /// Removes and returns the first key if its deadline has been reached. The key may already be
  /// settled.
  [[nodiscard]] std::optional<Key> pop_due(instant now) {
    if (next() > now || heap_.empty()) return {};
    std::pop_heap(heap_.begin(), heap_.end(), later);
    auto key = heap_.back().key;
    heap_.pop_back();
    return key;
  }

  /// Reports that `keys` more keys are settled.
  void settled(std::size_t keys) noexcept { stale_ += keys; }
  /// Drops the keys that are not live, once more than about half of all keys may be settled.
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
