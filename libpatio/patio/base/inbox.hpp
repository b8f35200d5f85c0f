/// Many threads put items in; one thread takes all of them out. Only the first item of a batch
/// needs a wake-up of the taker. No lock: a stack that is linked by compare-and-swap.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

namespace patio {

template <class T>
class inbox {
  struct entry {
    T item;
    entry* next = nullptr;
  };

public:
  /// The place of an item in the list. Whoever has a place can put the item in without memory.
  using place = std::unique_ptr<entry>;
  [[nodiscard]] static place make_place(T item) { return place{new entry{std::move(item)}}; }

  inbox() = default;
  inbox(const inbox&) = delete;
  inbox& operator=(const inbox&) = delete;
  ~inbox() {
    take([](T&&) {});
  }

  /// Returns true if the inbox was empty. Then the caller must wake the taker. Any thread.
  [[nodiscard]] bool put(T item) { return put(make_place(std::move(item))); }
  [[nodiscard]] bool put(place p) noexcept {
    auto* node = p.release();
    auto* older = node->next = first_.load(std::memory_order_relaxed);
    // Once the node is in the list, another thread may take and delete the node.
    while (!first_.compare_exchange_weak(older, node, std::memory_order_release,
                                         std::memory_order_relaxed))
      node->next = older;
    return older == nullptr;
  }

  /// Passes all items to `f`, the oldest first. Items that are put meanwhile come with the next
  /// call. If `f` throws, the items behind are destroyed. One thread at a time.
  template <class F> // F(T&&)
  void take(F f) {
    chain rest{reversed(first_.exchange(nullptr, std::memory_order_acquire))};
    while (rest.first) {
      std::unique_ptr<entry> oldest{std::exchange(rest.first, rest.first->next)};
      f(std::move(oldest->item));
    }
  }

  [[nodiscard]] bool empty() const noexcept {
    return first_.load(std::memory_order_relaxed) == nullptr;
  }

private:
  struct chain {
    entry* first;
    ~chain() {
      while (first) delete std::exchange(first, first->next);
    }
  };
  static entry* reversed(entry* newest) noexcept {
    entry* oldest = nullptr;
    while (newest) {
      auto* older = std::exchange(newest->next, oldest);
      oldest = std::exchange(newest, older);
    }
    return oldest;
  }

  std::atomic<entry*> first_ = nullptr; ///< the newest
};

} // namespace patio
