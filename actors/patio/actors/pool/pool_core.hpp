/// The state of a pool: the tasks that wait, and what each worker does. Brokers submit tasks and
/// workers take them directly, under one lock, so that a task crosses threads once. The pool's
/// actors only spawn workers and wake them. Without CAF, so that ThreadSanitizer can check it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include <patio/actors/pool/pool_options.hpp>
#include <patio/actors/pool/task.hpp>
#include <patio/base/worker_demand.hpp>
#include <patio/base/worker_queue.hpp>

namespace patio {

/// One run of a task on a worker of a pool.
struct task_run {
  pool_core* pool = nullptr;
  std::size_t worker = 0; ///< the worker's number in the pool
  std::uint64_t run = 0;  ///< tells this run from the worker's earlier runs
  /// The function waits for a call of its own, or runs on although its call has been stopped.
  void block() const;
  void unblock() const;
};

/// Any thread may call any function. Replies of tasks and `start` are called without the lock.
class pool_core : public std::enable_shared_from_this<pool_core> {
public:
  /// What the core asks of the pool's actors.
  struct signals {
    /// Has the worker call `begin`. Spawns the worker if there is none with this number.
    std::function<void(std::size_t worker, std::uint64_t run)> start;
    /// Has somebody call `drop_stopped` soon. Must not call the core itself.
    std::function<void()> clean_up;
    /// Has somebody call `check_progress` after `stall`. Without this signal, each task starts as
    /// soon as a worker is idle.
    std::function<void()> check_progress = {};
  };
  /// Tasks that are expected to be short may wait for a busy worker while others are idle. If no
  /// task ends for so long, the idle workers start them.
  static constexpr std::chrono::milliseconds stall{1};

  pool_core(const pool_options& options, signals to_actors);
  pool_core(const pool_core&) = delete;
  pool_core& operator=(const pool_core&) = delete;
  ~pool_core();

  const pool_options bounds;
  /// Takes the tasks over. A task that can neither start nor wait is answered with
  /// errc::overloaded, or errc::shut_down.
  void submit(std::span<task_ptr> tasks);

  /// Returns the task of a run that `start` has announced, or null if the run is not current.
  [[nodiscard]] task_ptr begin(std::size_t worker, std::uint64_t run);
  /// What a worker does after a run.
  struct next_step {
    task_ptr task;         ///< runs next on this worker, without another `begin`; may be null
    std::uint64_t run = 0; ///< the number of that run
    bool retires = false;  ///< the worker is not needed any more
  };
  /// Ends a run that took `time`. If the worker cannot go on at once, `start` announces its next
  /// run.
  [[nodiscard]] next_step done(std::size_t worker, std::uint64_t run, bool goes_on,
                               std::chrono::nanoseconds time = {});
  void block(std::size_t worker, std::uint64_t run);
  void unblock(std::size_t worker, std::uint64_t run);
  /// The worker's actor has died. A run that has not begun starts on a new worker.
  void lost(std::size_t worker);

  /// Changes how many tasks are with the workers at once. The bound for waiting tasks stays.
  void set_workers(std::size_t workers);

  /// Starts the waiting tasks on idle workers if no task has ended since the last signal
  /// `check_progress`.
  void check_progress();

  /// Answers the waiting tasks that have been stopped, and drops them.
  void drop_stopped();
  /// A waiting task has been stopped. However many are stopped, one `clean_up` is on its way.
  void note_stopped() noexcept;
  /// Answers the waiting tasks with errc::shut_down, and from now on every submitted task.
  void close();

private:
  /// Tasks that take turns: those of an owner, and apart from them, those of an owner for one
  /// function with a bound. The pool admits few of the latter at a time, and each of these would
  /// otherwise wait behind all other tasks of the owner.
  using task_line = std::pair<task_owner, const registry_entry*>;
  using task_queue = worker_queue<task_ptr, task_line>;
  class change;
  struct slot {
    task_ptr task = nullptr; ///< assigned to the worker and not done
    std::uint64_t run = 0;   ///< the number of that run; 0 while the worker is idle
    bool has_begun = false;
    bool is_long = false;        ///< the run has begun before the last signal `check_progress`
    bool is_unannounced = false; ///< there was no memory for the message to the worker
  };

  /// Bounds how many tasks of a kind may be in the queue, run or be unanswered at the same time.
  struct gate {
    std::size_t max = 0;
    std::size_t inside = 0;  ///< tasks that have passed and are not answered
    bool is_filling = false; ///< a thread lets tasks in
    std::string reason;      ///< the end of the refusal "N calls wait ..."
    priority_queue<task_ptr, task_owner> waiting = {};
  };

  /// Passes a task through the gates behind `passed`, as far as there is room, and into the queue.
  void admit(change& c, task_ptr t, const gate* passed = nullptr);
  [[nodiscard]] gate* gate_after(const registry_entry& entry, const gate* passed);
  void enter(change& c, task_ptr t, gate& g);
  void wait_at(change& c, task_ptr t, gate& g);
  [[nodiscard]] bool let_one_in(change& c, gate& g);
  void enqueue(change& c, task_ptr t);
  /// Starts a task on its worker: as `here` says if that is the worker `worker_here`.
  void assign(change& c, std::optional<task_queue::assignment> a, next_step* here = nullptr,
              std::size_t worker_here = 0);
  void end_run(change& c, std::size_t worker, std::chrono::nanoseconds time, next_step* here);
  void announce(std::size_t worker, std::uint64_t run);
  void announce_again(change& c);
  void watch_stop(task& t);
  void refuse(change& c, task_ptr t, std::size_t waiting) const;
  bool drop_stopped(change& c);
  /// A task that has passed the gate has been answered.
  void leave(gate& g);
  [[nodiscard]] bool is_current(std::size_t worker, std::uint64_t run) const;

  const std::size_t max_waiting_; ///< for the queue and for each gate
  const signals signals_;
  std::atomic_flag stop_noted_; ///< set while a `clean_up` is on its way
  std::mutex mutex_;            ///< protects all members below
  task_queue queue_;
  worker_demand demand_;
  std::vector<slot> slots_; ///< by worker number
  std::uint64_t last_run_ = 0;
  gate deferred_;                                           ///< for the functions that answer later
  std::unordered_map<const registry_entry*, gate> bounded_; ///< for max_concurrency
  bool is_closed_ = false;
  bool any_unannounced_ = false;
};

} // namespace patio
