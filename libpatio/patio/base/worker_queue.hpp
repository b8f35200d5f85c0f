/// Decides which task of a pool starts on which worker, and which tasks wait. Workers are numbers
/// here, so a test needs no threads. The pool owns the queue and uses it on one thread. The owners
/// of waiting tasks take turns, and so do their priorities (see priority_queue).
///
/// The pool can block a busy worker, as in the managed blocking of Java's ForkJoinPool: the
/// worker's task waits for something, or no caller waits for the task's result any more. A blocked
/// worker does not count as running, so another worker may start a task in its place.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include <patio/base/priority_queue.hpp>

namespace patio {

template <class Task, class Owner>
class worker_queue {
public:
  /// At most `workers` tasks run at once, not counting the tasks of blocked workers. At most
  /// `max_blocked` workers are blocked, and at most `max_waiting` tasks wait.
  worker_queue(std::size_t workers, std::size_t max_waiting, std::size_t max_blocked = 0)
      : workers_{workers}, max_waiting_{max_waiting}, max_blocked_{max_blocked}, blocked_(workers) {
    for (auto w = workers; w > 0; --w) idle_.push_back(w - 1);
  }

  struct assignment {
    std::size_t worker; ///< the number of an earlier worker, or the highest number so far plus one
    Task task;
  };
  enum class admission : std::uint8_t { waiting, refused };

  /// Queues the task, and starts the first waiting task if a worker should start one. Does not move
  /// from a refused task.
  [[nodiscard]] tl::expected<assignment, admission> submit(Task& task, const Owner& owner,
                                                           priority p = priority::normal) {
    bool is_full = waiting_.size() >= max_waiting_;
    bool starts = should_start() || ((is_full || exhausted()) && can_start());
    if (starts && waiting_.empty()) return start(std::move(task));
    if (!starts && (exhausted() || is_full)) return tl::unexpected(admission::refused);
    auto first = starts && is_full ? waiting_.pop() : std::nullopt;
    waiting_.push(std::move(task), owner, p);
    if (!starts) return tl::unexpected(admission::waiting);
    return start(first ? std::move(*first) : *waiting_.pop());
  }

  /// Makes a busy worker idle. Returns the waiting task that starts next, if there is one. The same
  /// worker gets that task, because it is awake.
  [[nodiscard]] std::optional<assignment> done(std::size_t worker) {
    --busy_;
    unblock(worker);
    idle_.push_back(worker);
    if (waiting_.empty() || !can_start()) return {};
    if (worker >= workers_) return start(*waiting_.pop());
    idle_.pop_back();
    ++busy_;
    return assignment{worker, *waiting_.pop()};
  }

  /// Blocks a busy worker, unless `max_blocked` workers are already blocked. Returns the waiting
  /// task that starts in its place, if there is one.
  [[nodiscard]] std::optional<assignment> block(std::size_t worker) {
    if (blocked_[worker] || blocked_count_ >= max_blocked_) return {};
    blocked_[worker] = true;
    ++blocked_count_;
    return start_waiting();
  }

  /// Lets a blocked worker run again. The task that started in its place continues, so more than
  /// `workers` tasks may run for a while.
  void unblock(std::size_t worker) {
    if (!blocked_[worker]) return;
    blocked_[worker] = false;
    --blocked_count_;
  }

  /// Changes how many tasks run at once. Tasks that run continue. Call `start_waiting` afterwards.
  void set_workers(std::size_t workers) { workers_ = workers; }
  /// Tasks wait for a busy worker while so many run, although more workers could start. A full or
  /// exhausted queue starts them nevertheless.
  void set_wanted(std::size_t workers) noexcept { wanted_ = workers; }
  /// Starts a waiting task if a worker should start one.
  [[nodiscard]] std::optional<assignment> start_waiting() {
    if (waiting_.empty() || !should_start()) return {};
    return start(*waiting_.pop());
  }

  /// Returns true if the idle worker was added in place of a blocked worker. The pool may then end
  /// the worker's thread. The number stays idle and can be assigned again.
  [[nodiscard]] bool is_spare(std::size_t worker) const noexcept { return worker >= workers_; }

  /// Removes and returns the waiting tasks that fulfil the condition, ordered by priority.
  template <class Condition>
  [[nodiscard]] std::vector<Task> remove_waiting_if(Condition condition) {
    return waiting_.remove_if(condition);
  }
  [[nodiscard]] std::vector<Task> remove_all_waiting() { return waiting_.remove_all(); }

  /// Makes room in a full queue for a task (priority_queue::evict_for).
  [[nodiscard]] std::optional<Task> evict_for(const Owner& owner, priority p = priority::normal) {
    if (exhausted()) return {};
    return waiting_.evict_for(owner, p);
  }

  /// Returns true if no more workers can be blocked. The running tasks might then all wait for
  /// tasks in this queue, which would be a deadlock. An exhausted queue therefore refuses each task
  /// that cannot start at once.
  [[nodiscard]] bool exhausted() const noexcept {
    return max_blocked_ > 0 && blocked_count_ >= max_blocked_;
  }
  /// Returns true if a submitted task would start at once, or an earlier one in its place.
  [[nodiscard]] bool should_start() const noexcept {
    return running() < std::min(workers_, wanted_);
  }
  /// Returns true if a worker is free.
  [[nodiscard]] bool can_start() const noexcept { return running() < workers_; }
  /// The busy workers that are not blocked.
  [[nodiscard]] std::size_t running() const noexcept { return busy_ - blocked_count_; }
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }
  [[nodiscard]] std::size_t idle() const noexcept { return idle_.size(); }

private:
  assignment start(Task&& task) {
    if (idle_.empty()) {
      idle_.push_back(blocked_.size());
      blocked_.push_back(false);
    }
    auto lowest = std::min_element(idle_.begin(), idle_.end()); // keeps spare workers idle
    auto worker = *lowest;
    idle_.erase(lowest);
    ++busy_;
    return {worker, std::move(task)};
  }

  std::size_t workers_, max_waiting_, max_blocked_;
  std::size_t wanted_ = std::numeric_limits<std::size_t>::max();
  std::size_t busy_ = 0, blocked_count_ = 0; ///< a blocked worker also counts as busy
  std::vector<bool> blocked_;                ///< indexed by worker number
  std::vector<std::size_t> idle_;            ///< worker numbers
  priority_queue<Task, Owner> waiting_;
};

} // namespace patio
