/// Points in time and what waits for them. Time is passed in: nanoseconds since any fixed moment.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace patio {

using instant = std::chrono::nanoseconds;
inline constexpr instant never = instant::max();

/// Without overflow: a wait until after the end of time is one for ever.
[[nodiscard]] constexpr instant after(instant now, std::chrono::nanoseconds wait) noexcept {
  return wait >= never - now ? never : now + wait;
}

/// Keys by the time they are due. A key that is settled early is not searched for: the owner counts
/// it with `settled` and the heap drops such keys when they are the most of it, so that its size
/// follows what is live.
template <class Key>
class deadline_heap {
public:
  void push(instant due, Key key) {
    heap_.push_back({due, key});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }

  [[nodiscard]] instant next() const noexcept { return heap_.empty() ? never : heap_.front().due; }

  [[nodiscard]] std::optional<Key> pop_due(instant now) {
    if (next() > now || heap_.empty()) return {};
    std::pop_heap(heap_.begin(), heap_.end(), later);
    auto key = heap_.back().key;
    heap_.pop_back();
    return key;
  }

  template <class Live> // Live(key) -> bool
  void settled(Live live, std::size_t keys = 1) {
    stale_ += keys;
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
