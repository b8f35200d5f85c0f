/// What connects a call's answer with the coroutine that awaits it.
#pragma once

#include <atomic>
#include <coroutine>

#include <patio/base/api.hpp>

namespace patio::detail {

/// The coroutine that one answer resumes. The thread of the coroutine and the thread that delivers
/// the answer share it.
class PATIO_API resumption {
public:
  /// Returns false if the answer is there already; the coroutine then does not suspend.
  [[nodiscard]] bool await(std::coroutine_handle<> coroutine) noexcept {
    void* nobody = nullptr;
    return waiting_.compare_exchange_strong(nobody, coroutine.address(), std::memory_order_acq_rel);
  }
  /// The coroutine that waits is being destroyed and must not be resumed.
  void abandon() noexcept {
    auto* at = waiting_.load(std::memory_order_acquire);
    if (at != this) waiting_.compare_exchange_strong(at, nullptr, std::memory_order_acq_rel);
  }
  /// The answer is there. Resumes the coroutine that waits for it, on this thread.
  void answered() noexcept;

private:
  std::atomic<void*> waiting_ = nullptr; ///< a coroutine's address; `this` once answered
};

} // namespace patio::detail
