/// Which waiting task goes to which worker: the bookkeeping of a pool, without the workers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

namespace patio {

template <class Task>
class worker_queue {
public:
  worker_queue(std::size_t workers, std::size_t longest) : longest_{longest} {
    for (auto w = workers; w > 0; --w) idle_.push_back(w - 1);
  }

  struct assignment {
    std::size_t worker;
    Task task;
  };
  enum class admission : std::uint8_t { waiting, refused };

  /// Starts the task if a worker is idle, else queues it; a refused task stays with the caller.
  [[nodiscard]] tl::expected<assignment, admission> submit(Task& task) {
    if (idle_.empty()) {
      if (waiting_.size() >= longest_) return tl::unexpected(admission::refused);
      waiting_.push_back(std::move(task));
      return tl::unexpected(admission::waiting);
    }
    auto worker = idle_.back();
    idle_.pop_back();
    return assignment{worker, std::move(task)};
  }

  /// The worker has ended its task; gets the oldest waiting one.
  [[nodiscard]] std::optional<assignment> done(std::size_t worker) {
    if (waiting_.empty()) {
      idle_.push_back(worker);
      return {};
    }
    assignment next{worker, std::move(waiting_.front())};
    waiting_.pop_front();
    return next;
  }

  [[nodiscard]] std::deque<Task> take_waiting() { return std::exchange(waiting_, {}); }
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }
  [[nodiscard]] std::size_t idle() const noexcept { return idle_.size(); }

private:
  std::size_t longest_;
  std::vector<std::size_t> idle_;
  std::deque<Task> waiting_;
};

} // namespace patio
