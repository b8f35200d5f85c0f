/// A thread of a worker process. It requests a stop of the running function when the pool sends
/// stop_signal, and ends the process when the pool is gone while a function runs. The main thread
/// reads the socket itself, so that a call needs no change of thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <stop_token>
#include <thread>

namespace patio {

class process_watcher {
public:
  /// Blocks stop_signal in the calling thread. Call this before the process starts threads, because
  /// they must block the signal too.
  static void block_stop_signal();
  process_watcher();
  /// A process ends without destroying its watcher.
  ~process_watcher() = default;
  process_watcher(const process_watcher&) = delete;
  process_watcher& operator=(const process_watcher&) = delete;

  /// The scope of one call that can be stopped. Create it on the main thread.
  class stoppable_call {
  public:
    stoppable_call(process_watcher& watcher, std::uint32_t serial);
    ~stoppable_call();
    stoppable_call(const stoppable_call&) = delete;
    stoppable_call& operator=(const stoppable_call&) = delete;
    [[nodiscard]] std::stop_token stop_token() const noexcept { return stop_.get_token(); }

  private:
    process_watcher& watcher_;
    std::stop_source stop_;
  };

private:
  void watch(int signals);
  void stop(std::uint32_t serial);

  std::mutex mutex_;
  std::uint32_t serial_ = 0;
  std::uint32_t stopped_ = 0; ///< the last serial that the pool has stopped, perhaps early
  std::stop_source stop_{std::nostopstate}; ///< of the call with `serial_`
};

} // namespace patio
