#include <patio/actors/pool/pool_core.hpp>
#include <patio/actors/pool/pool_core_change.hpp>

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

namespace patio {
namespace {

std::size_t product(std::size_t a, std::size_t b) {
  return b > std::numeric_limits<std::size_t>::max() / a ? std::numeric_limits<std::size_t>::max()
                                                         : a * b;
}

error closed() { return {errc::shut_down, "the executor has shut down", {}}; }

} // namespace

void task_run::block() const { pool->block(worker, run); }
void task_run::unblock() const { pool->unblock(worker, run); }

void stop_notice::operator()() const noexcept { pool->note_stopped(); }

pool_core::pool_core(const pool_options& options, signals to_actors)
    : bounds{options}, max_waiting_{product(std::max<std::size_t>(options.workers, 1),
                                            options.queue_per_worker)},
      signals_{std::move(to_actors)}, queue_{std::max<std::size_t>(options.workers, 1),
                                             max_waiting_, options.max_blocked},
      demand_{signals_.check_progress != nullptr},
      slots_(std::max<std::size_t>(options.workers, 1)), deferred_{.max = options.max_deferred,
                                                                   .reason = "for a worker"} {}

pool_core::~pool_core() { close(); }

void pool_core::submit(std::span<task_ptr> tasks) {
  change c{*this};
  announce_again(c);
  for (auto& t : tasks) admit(c, std::move(t));
}

void pool_core::admit(change& c, task_ptr t, const gate* passed) {
  if (is_closed_) return c.end(std::move(t), closed());
  auto* g = gate_after(*t->entry, passed);
  if (!g) return enqueue(c, std::move(t));
  if (g->inside < g->max) enter(c, std::move(t), *g);
  else wait_at(c, std::move(t), *g);
}

void pool_core::enqueue(change& c, task_ptr t) {
  c.want_workers();
  if (!queue_.should_start() || queue_.waiting() > 0) watch_stop(*t);
  const auto& policy = t->entry->policy;
  task_line line{t->owner, policy.max_concurrency ? t->entry : nullptr};
  auto placed = queue_.submit(t, line, policy.priority);
  auto is_refused = [&] { return !placed && placed.error() == task_queue::admission::refused; };
  // No task waits in an exhausted queue, so there is nothing to drop.
  if (is_refused() && !queue_.exhausted() && drop_stopped(c))
    placed = queue_.submit(t, line, policy.priority);
  if (placed) return assign(c, std::move(*placed));
  if (!is_refused()) return;
  auto evicted = queue_.evict_for(line, policy.priority);
  if (evicted) (void)queue_.submit(t, line, policy.priority); // waits in the evicted task's place
  refuse(c, evicted ? std::move(*evicted) : std::move(t), queue_.waiting());
}

// A stopped task would only hold memory and a place in the queue, so the pool removes it early.
void pool_core::watch_stop(task& t) {
  if (!t.answer.stop_token().stop_possible()) return;
  t.on_stop.emplace(t.answer.stop_token(), stop_notice{this});
}

void pool_core::refuse(change& c, task_ptr t, std::size_t waiting) const {
  auto why = queue_.exhausted() ? std::to_string(bounds.max_blocked)
                                    + " functions are blocked, as many as max_blocked allows"
                                : std::to_string(waiting) + " calls wait for a worker";
  auto exceeded = queue_.exhausted() ? limit::none : limit::queue_per_worker;
  c.end(std::move(t), {errc::overloaded, std::move(why), {}, exceeded});
}

void pool_core::note_stopped() noexcept {
  if (stop_noted_.test_and_set()) return;
  try {
    signals_.clean_up();
  } catch (const std::bad_alloc&) {
    stop_noted_.clear(); // the next stopped task's notice covers both
  }
}

void pool_core::drop_stopped() {
  change c{*this};
  drop_stopped(c);
}

bool pool_core::drop_stopped(change& c) {
  stop_noted_.clear(); // first, so that a task stopped from here on sends another notice
  auto stopped = queue_.remove_waiting_if(is_stopped);
  auto add_stopped = [&](gate& g) {
    for (auto& t : g.waiting.remove_if(is_stopped)) stopped.push_back(std::move(t));
  };
  add_stopped(deferred_);
  for (auto& [entry, g] : bounded_) add_stopped(g);
  bool any = !stopped.empty();
  for (auto& t : stopped) c.end(std::move(t), {errc::cancelled, {}, {}});
  return any;
}

void pool_core::assign(change& c, std::optional<task_queue::assignment> a, next_step* here,
                       std::size_t worker_here) {
  while (a && is_stopped(a->task)) { // a stopped task does not begin
    c.end(std::move(a->task), {errc::cancelled, {}, {}});
    a = queue_.done(a->worker);
  }
  if (!a) return;
  a->task->on_stop.reset();
  if (a->worker >= slots_.size()) slots_.resize(a->worker + 1);
  bool is_here = here && a->worker == worker_here;
  auto& s =
    slots_[a->worker] = {.task = std::move(a->task), .run = ++last_run_, .has_begun = is_here};
  if (is_here) *here = {s.task, s.run, false};
  else c.start(a->worker, s.run);
}

bool pool_core::is_current(std::size_t worker, std::uint64_t run) const {
  return worker < slots_.size() && slots_[worker].run == run;
}

task_ptr pool_core::begin(std::size_t worker, std::uint64_t run) {
  std::lock_guard lock{mutex_};
  if (!is_current(worker, run) || std::exchange(slots_[worker].has_begun, true)) return {};
  return slots_[worker].task;
}

pool_core::next_step pool_core::done(std::size_t worker, std::uint64_t run, bool goes_on,
                                     std::chrono::nanoseconds time) {
  next_step next;
  change c{*this};
  if (!is_current(worker, run)) return next;
  end_run(c, worker, time, goes_on ? &next : nullptr);
  announce_again(c);
  next.retires = slots_[worker].run == 0 && queue_.is_spare(worker);
  return next;
}

void pool_core::end_run(change& c, std::size_t worker, std::chrono::nanoseconds time,
                        next_step* here) {
  c.keep(std::move(slots_[worker].task));
  demand_.ended(time, slots_[worker].is_long);
  slots_[worker] = {};
  assign(c, queue_.done(worker), here, worker);
}

void pool_core::block(std::size_t worker, std::uint64_t run) {
  change c{*this};
  if (!is_current(worker, run)) return;
  c.want_workers();
  assign(c, queue_.block(worker));
  if (!queue_.exhausted()) return;
  queue_.set_wanted(std::numeric_limits<std::size_t>::max());
  while (auto next = queue_.start_waiting()) assign(c, std::move(next));
  for (auto& t : queue_.remove_all_waiting()) refuse(c, std::move(t), 0);
}

void pool_core::unblock(std::size_t worker, std::uint64_t run) {
  std::lock_guard lock{mutex_};
  if (is_current(worker, run)) queue_.unblock(worker);
}

void pool_core::set_workers(std::size_t workers) {
  change c{*this};
  queue_.set_workers(workers);
  while (auto next = queue_.start_waiting()) assign(c, std::move(next));
}

void pool_core::check_progress() {
  change c{*this};
  auto last_long = demand_.end_check();
  for (auto& s : slots_)
    if (s.run > 0 && s.run <= last_long && !std::exchange(s.is_long, true)) demand_.long_run();
  c.want_workers();
  while (auto next = queue_.start_waiting()) assign(c, std::move(next));
}

// The pool never kills a worker, but an actor that received a request from a worker can kill that
// worker. A worker dies only between two runs. If its last task has been answered or has handed its
// reply over, that run is over. Otherwise the task has not begun, and a new worker gets the task.
void pool_core::lost(std::size_t worker) {
  change c{*this};
  if (worker >= slots_.size() || slots_[worker].run == 0) return;
  auto& s = slots_[worker];
  if (!s.task->answer.open()) return end_run(c, worker, {}, nullptr);
  s.has_begun = false;
  c.start(worker, s.run);
}

void pool_core::close() {
  change c{*this};
  is_closed_ = true;
  auto waiting = queue_.remove_all_waiting();
  auto add_waiting = [&](gate& g) {
    for (auto& t : g.waiting.remove_all()) waiting.push_back(std::move(t));
  };
  add_waiting(deferred_);
  for (auto& [entry, g] : bounded_) add_waiting(g);
  for (auto& s : slots_) // the workers of these end before they can begin
    if (s.task && !s.has_begun) waiting.push_back(std::exchange(s, {}).task);
  for (auto& t : waiting) c.end(std::move(t), closed());
}

// Without memory for the message to the worker, the next task that comes or ends tries again.
void pool_core::announce(std::size_t worker, std::uint64_t run) {
  try {
    signals_.start(worker, run);
  } catch (const std::bad_alloc&) {
    std::lock_guard lock{mutex_};
    if (!is_current(worker, run)) return;
    slots_[worker].is_unannounced = true;
    any_unannounced_ = true;
  }
}

void pool_core::announce_again(change& c) {
  if (!any_unannounced_) return;
  for (std::size_t worker = 0; worker < slots_.size(); ++worker)
    if (std::exchange(slots_[worker].is_unannounced, false)) c.start(worker, slots_[worker].run);
  any_unannounced_ = false;
}

} // namespace patio
