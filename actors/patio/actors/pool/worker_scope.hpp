/// Which pool's worker runs on this thread, so that a function that waits for a call of its own
/// does not keep others from running.
#pragma once

#include <caf/actor_addr.hpp>

namespace patio {

/// Stands on a worker's stack while it runs a function.
class worker_scope {
public:
  worker_scope(caf::actor_addr pool, std::size_t worker, std::uint64_t run, bool may_block);
  ~worker_scope();
  worker_scope(const worker_scope&) = delete;
  worker_scope& operator=(const worker_scope&) = delete;
  [[nodiscard]] bool may_block() const noexcept { return may_block_; }

private:
  friend class waiting_scope;
  caf::actor_addr pool_;
  std::size_t worker_;
  std::uint64_t run_;
  bool may_block_;
  worker_scope* outer_;
};

/// Stands where a thread waits for a call. If the thread is a worker's, its pool lets another take
/// its place meanwhile.
class waiting_scope {
public:
  waiting_scope();
  ~waiting_scope();
  waiting_scope(const waiting_scope&) = delete;
  waiting_scope& operator=(const waiting_scope&) = delete;
};

/// Throws call_error, errc::invalid, on a thread that others need for their work.
void require_that_waiting_is_allowed();

} // namespace patio
