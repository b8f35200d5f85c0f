/// Which waiting task goes to which worker: the bookkeeping of a pool, without the workers. The
/// tasks' owners take turns. A worker whose task only waits, or that nobody waits for any more, can
/// be set aside: another takes its place, so that the pool goes on.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include <patio/base/fair_queue.hpp>

namespace patio {

template <class Task, class Owner>
class worker_queue {
public:
  /// At most `workers` tasks run at once, not counting those of at most `most_aside` workers set
  /// aside.
  worker_queue(std::size_t workers, std::size_t longest, std::size_t most_aside = 0)
      : workers_{workers}, longest_{longest}, most_aside_{most_aside}, aside_(workers) {
    for (auto w = workers; w > 0; --w) idle_.push_back(w - 1);
  }

  struct assignment {
    std::size_t worker; ///< maybe a new one: the number that follows the highest so far
    Task task;
  };
  enum class admission : std::uint8_t { waiting, refused };

  /// Starts the task if a worker is idle, else queues it; a refused task stays with the caller.
  [[nodiscard]] tl::expected<assignment, admission> submit(Task& task, const Owner& owner) {
    if (has_room()) return start(std::move(task));
    if (exhausted() || waiting_.size() >= longest_) return tl::unexpected(admission::refused);
    waiting_.push(std::move(task), owner);
    return tl::unexpected(admission::waiting);
  }

  /// The worker has ended its task; the next waiting one starts.
  [[nodiscard]] std::optional<assignment> done(std::size_t worker) {
    --busy_;
    bring_back(worker);
    idle_.push_back(worker);
    return start_waiting();
  }

  /// Sets a busy worker aside, if not too many are; the next waiting task may start instead.
  [[nodiscard]] std::optional<assignment> set_aside(std::size_t worker) {
    if (aside_[worker] || set_aside_ >= most_aside_) return {};
    aside_[worker] = true;
    ++set_aside_;
    return start_waiting();
  }
  /// It works again, beside whoever took its place.
  void bring_back(std::size_t worker) {
    if (!aside_[worker]) return;
    aside_[worker] = false;
    --set_aside_;
  }

  /// An idle worker that has been made in place of one set aside and is not needed now. It counts
  /// as idle all the same.
  [[nodiscard]] bool is_spare(std::size_t worker) const noexcept {
    return worker >= workers_ && waiting_.empty();
  }

  /// Removes what waits and fulfils the condition, by owners.
  template <class Condition>
  [[nodiscard]] std::vector<Task> take_waiting(Condition condition) {
    return waiting_.take(condition);
  }
  [[nodiscard]] std::vector<Task> take_waiting() { return waiting_.take(); }

  /// When it is full: makes room for a task of `owner` by what another has too much of
  /// (fair_queue::displace).
  [[nodiscard]] std::optional<Task> displace(const Owner& owner) {
    if (exhausted()) return {};
    return waiting_.displace(owner);
  }

  /// No more workers can be set aside. Those that run may all come to wait for what waits here, so
  /// nothing should.
  [[nodiscard]] bool exhausted() const noexcept {
    return most_aside_ > 0 && set_aside_ >= most_aside_;
  }
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }
  [[nodiscard]] std::size_t idle() const noexcept { return idle_.size(); }
  [[nodiscard]] std::size_t running() const noexcept { return busy_ - set_aside_; }

  [[nodiscard]] bool has_room() const noexcept {
    return running() < workers_;
  } ///< for a task to start at once

private:
  assignment start(Task&& task) {
    if (idle_.empty()) {
      idle_.push_back(aside_.size());
      aside_.push_back(false);
    }
    // The lowest number, so that spare workers rest first.
    auto lowest = std::min_element(idle_.begin(), idle_.end());
    auto worker = *lowest;
    idle_.erase(lowest);
    ++busy_;
    return {worker, std::move(task)};
  }

  std::optional<assignment> start_waiting() {
    if (waiting_.empty() || !has_room()) return {};
    return start(*waiting_.pop());
  }

  std::size_t workers_, longest_, most_aside_;
  std::size_t busy_ = 0, set_aside_ = 0;
  std::vector<bool> aside_; ///< by worker
  std::vector<std::size_t> idle_;
  fair_queue<Task, Owner> waiting_;
};

} // namespace patio
