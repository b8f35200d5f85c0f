/// Tells which run of a task the current thread executes. A worker creates a worker_scope on its
/// stack around each function. Only that thread uses the scope.
#pragma once

#include <patio/actors/pool/pool_core.hpp>
#include <patio/actors/pool/worker.hpp>

namespace patio {

class worker_scope {
public:
  /// `run` must outlive the scope.
  worker_scope(const task_run& run, worker_thread thread);
  ~worker_scope();
  worker_scope(const worker_scope&) = delete;
  worker_scope& operator=(const worker_scope&) = delete;

  /// Returns the innermost scope on this thread, or null outside the functions of a pool.
  [[nodiscard]] static const worker_scope* current() noexcept;

  [[nodiscard]] const task_run& run() const noexcept { return run_; }
  [[nodiscard]] bool may_block() const noexcept { return thread_ == worker_thread::own; }

private:
  const task_run& run_;
  worker_thread thread_;
  const worker_scope* outer_;
};

} // namespace patio
