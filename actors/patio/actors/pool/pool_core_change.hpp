/// A change of a pool_core. Only pool_core's own files include this header.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include <patio/actors/pool/pool_core.hpp>

namespace patio {

/// Nobody waits for the result of the task any more.
[[nodiscard]] inline bool is_stopped(const task_ptr& t) {
  return t->answer.stop_token().stop_requested();
}

/// Holds the lock, and gathers what may only be done without it.
class pool_core::change {
public:
  explicit change(pool_core& core) : core_{core}, lock_{core.mutex_} {}
  change(const change&) = delete;
  change& operator=(const change&) = delete;
  ~change() {
    bool begins_check = core_.queue_.waiting() > 0 && core_.queue_.can_start()
                        && core_.demand_.begin_check(core_.last_run_);
    lock_.unlock();
    for (const auto& [worker, run] : starts_) core_.announce(worker, run);
    if (begins_check) ask_for_check();
    for (const auto& place : left_) place->leave();
    for (auto& [task, why] : ended_) task->answer.answer(tl::unexpected(std::move(why)));
  }

  void start(std::size_t worker, std::uint64_t run) { starts_.emplace_back(worker, run); }
  /// Tells the queue how many workers should run for the tasks that wait and one more.
  void want_workers() {
    core_.queue_.set_wanted(core_.demand_.workers(core_.queue_.waiting() + 1));
  }
  /// Destroys the task without the lock, because that may answer its call.
  void keep(task_ptr t) { done_ = std::move(t); }
  /// The task does not wait for a worker.
  void leave(const std::shared_ptr<queue_place>& place) {
    if (place) left_.push_back(place);
  }
  void end(task_ptr t, error why) { ended_.emplace_back(std::move(t), std::move(why)); }

private:
  // Without memory for the signal, the next change asks again. Until then, the waiting tasks have
  // the worker that is awake.
  void ask_for_check() {
    try {
      core_.signals_.check_progress();
    } catch (const std::bad_alloc&) {
      std::lock_guard lock{core_.mutex_};
      core_.demand_.drop_check();
    }
  }

  pool_core& core_;
  task_ptr done_;
  std::vector<std::pair<std::size_t, std::uint64_t>> starts_;
  std::vector<std::pair<task_ptr, error>> ended_;
  std::vector<std::shared_ptr<queue_place>> left_;
  std::unique_lock<std::mutex> lock_;
};

} // namespace patio
