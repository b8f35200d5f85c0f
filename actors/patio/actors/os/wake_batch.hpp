/// Holds back the wake-ups that a thread causes, and lets all of them happen at the end. A thread
/// that is woken often runs at once, in place of the thread that wakes it. If it has to find many
/// items, they must be there before its wake-up.
#pragma once

#include <functional>
#include <new>
#include <thread>
#include <utility>
#include <vector>

namespace patio {

/// The scope in which the wake-ups of this thread are held back. Scopes may nest. The outermost one
/// holds them.
class wake_batch {
public:
  wake_batch() noexcept : is_outermost_{!current_} {
    if (is_outermost_) current_ = this;
  }
  ~wake_batch() {
    if (!is_outermost_) return;
    current_ = nullptr;
    for (auto& wake_up : held_) finish(wake_up);
  }
  wake_batch(const wake_batch&) = delete;
  wake_batch& operator=(const wake_batch&) = delete;

  /// Runs the wake-up now, or at the end of this thread's scope.
  template <class F> // F()
  static void run(F wake_up) noexcept {
    if (!current_ || !current_->hold(wake_up)) finish(wake_up);
  }

private:
  template <class F>
  [[nodiscard]] bool hold(const F& wake_up) noexcept try {
    held_.emplace_back(wake_up);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
  // A wake-up that is lost would leave its items behind, so it waits for memory.
  template <class F>
  static void finish(const F& wake_up) noexcept {
    for (;;) {
      try {
        return wake_up();
      } catch (const std::bad_alloc&) {
        std::this_thread::yield();
      }
    }
  }

  inline static thread_local wake_batch* current_ = nullptr;
  const bool is_outermost_;
  std::vector<std::function<void()>> held_;
};

} // namespace patio
