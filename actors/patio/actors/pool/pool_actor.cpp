#include <patio/actors/pool/pool_actor.hpp>

#include <algorithm>

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <patio/actors/caf/defaults.hpp>
#include <patio/actors/caf/interfaces.hpp>
#include <patio/actors/caf/weak_send.hpp>
#include <patio/base/worker_queue.hpp>

namespace patio {
namespace {

/// Tells the pool that a function that answers later has answered.
using settled_atom = caf::atom_constant<caf::atom("settled")>;
/// Tells the pool that at least one waiting task has been stopped.
using stopped_atom = caf::atom_constant<caf::atom("stopped")>;

using task_queue = worker_queue<task_ptr, task_owner>;

[[nodiscard]] bool is_stopped(const task_ptr& t) { return t->answer.stop_token().stop_requested(); }

struct pool_state {
  struct slot {
    caf::actor worker;
    task_ptr task = nullptr; ///< the worker's current task
    std::uint64_t run = 0;   ///< number of the current run; 0 while the worker is idle
  };

  caf::event_based_actor* self = nullptr;
  worker_config config;
  pool_options options;
  std::size_t max_waiting = 0; ///< for each of the two queues
  task_queue queue{1, 1};
  std::vector<slot> workers; ///< by worker number
  std::uint64_t last_run = 0;
  std::size_t deferred = 0; ///< admitted, unanswered calls of functions that answer later
  fair_queue<task_ptr, task_owner> waiting_deferred; ///< calls that wait until `deferred` falls
  /// The flag stop_notice::sent of all tasks.
  std::shared_ptr<std::atomic_flag> stop_noticed = std::make_shared<std::atomic_flag>();

  ~pool_state();

  void submit(task_ptr t);
  void done(std::size_t worker, std::uint64_t run);
  void block(std::size_t worker, std::uint64_t run);
  void unblock(std::size_t worker, std::uint64_t run);
  void settled();
  bool drop_stopped();
  void replace(const caf::actor_addr& dead);

  void begin_deferred(task_ptr t);
  void enqueue(task_ptr t);
  void enqueue_deferred(task_ptr t);
  void assign(std::optional<task_queue::assignment> a);
  void watch_stop(task& t) const;
  void refuse(task& t, std::size_t waiting) const;
  [[nodiscard]] bool is_current(std::size_t worker, std::uint64_t run) const;
};

// Answers the waiting callers, whatever the reason for the pool's end.
pool_state::~pool_state() {
  auto waiting = queue.remove_all_waiting();
  for (auto& t : waiting_deferred.remove_all()) waiting.push_back(std::move(t));
  for (auto& t : waiting) t->answer.answer(fail(errc::shut_down, "the executor has shut down"));
  for (auto& w : workers)
    if (w.worker) caf::anon_send_exit(w.worker, caf::exit_reason::user_shutdown);
}

void pool_state::submit(task_ptr t) {
  if (!std::holds_alternative<deferred_function>(t->entry->run)) return enqueue(std::move(t));
  if (deferred < options.max_deferred) return begin_deferred(std::move(t));
  enqueue_deferred(std::move(t));
}

void pool_state::enqueue_deferred(task_ptr t) {
  if (waiting_deferred.size() >= max_waiting) drop_stopped();
  if (waiting_deferred.size() >= max_waiting) {
    auto evicted = waiting_deferred.evict_for(t->owner);
    refuse(evicted ? **evicted : *t, max_waiting);
    if (!evicted) return;
  }
  watch_stop(*t);
  auto owner = t->owner;
  waiting_deferred.push(std::move(t), owner);
}

void pool_state::enqueue(task_ptr t) {
  if (!queue.can_start()) watch_stop(*t);
  auto owner = t->owner;
  auto placed = queue.submit(t, owner);
  if (!placed && placed.error() == task_queue::admission::refused && drop_stopped())
    placed = queue.submit(t, owner);
  if (placed) return assign(std::move(*placed));
  if (placed.error() != task_queue::admission::refused) return;
  auto evicted = queue.evict_for(owner);
  if (evicted) (void)queue.submit(t, owner); // waits in the evicted task's place
  refuse(evicted ? **evicted : *t, queue.waiting());
}

// Watches for a stop of a waiting task. A stopped task would only hold memory and a place in the
// queue, so the pool removes it early.
void pool_state::watch_stop(task& t) const {
  if (!t.answer.stop_token().stop_possible()) return;
  t.on_stop = std::make_unique<std::stop_callback<stop_notice>>(
    t.answer.stop_token(), stop_notice{self->address(), stop_noticed});
}

// A deferred call counts until its answer, although it holds a worker only while it begins.
void pool_state::begin_deferred(task_ptr t) {
  ++deferred;
  auto original = std::make_shared<reply>(std::move(t->answer));
  auto stop = original->stop_token();
  auto answer = [original, pool = self->address()](result<value> r) {
    original->answer(std::move(r));
    send_if_alive(pool, settled_atom::value);
  };
  t->answer = reply{std::move(answer), errc::shut_down, std::move(stop)};
  enqueue(std::move(t));
}

void pool_state::settled() {
  --deferred;
  if (auto next = waiting_deferred.pop()) begin_deferred(std::move(*next));
}

void pool_state::refuse(task& t, std::size_t waiting) const {
  auto why = queue.exhausted() ? std::to_string(options.max_blocked)
                                   + " functions are blocked, as many as max_blocked allows"
                               : std::to_string(waiting) + " calls wait for a worker";
  t.answer.answer(fail(errc::overloaded, queue.exhausted() ? limit::none : limit::queue_per_worker,
                       std::move(why)));
}

bool pool_state::drop_stopped() {
  stop_noticed->clear(); // first, so that a task stopped from here on sends another notice
  auto stopped = queue.remove_waiting_if(is_stopped);
  for (auto& t : waiting_deferred.remove_if(is_stopped)) stopped.push_back(std::move(t));
  for (auto& t : stopped) t->answer.answer(fail(errc::cancelled, {}));
  return !stopped.empty();
}

void pool_state::assign(std::optional<task_queue::assignment> a) {
  while (a && is_stopped(a->task)) { // a stopped task does not begin
    a->task->answer.answer(fail(errc::cancelled, {}));
    a = queue.done(a->worker);
  }
  if (!a) return;
  a->task->on_stop.reset();
  if (a->worker >= workers.size()) workers.resize(a->worker + 1);
  auto& s = workers[a->worker];
  if (!s.worker) s.worker = spawn_worker(self, config);
  s.task = std::move(a->task);
  s.run = ++last_run;
  caf::anon_send(s.worker, run_atom::value, s.task, a->worker, s.run);
}

bool pool_state::is_current(std::size_t worker, std::uint64_t run) const {
  return worker < workers.size() && workers[worker].run == run;
}

void pool_state::done(std::size_t worker, std::uint64_t run) {
  if (!is_current(worker, run)) return;
  workers[worker].task.reset();
  workers[worker].run = 0;
  assign(queue.done(worker));
  if (workers[worker].run == 0 && queue.is_spare(worker))
    caf::anon_send(std::exchange(workers[worker].worker, nullptr), retire_atom::value);
}

void pool_state::block(std::size_t worker, std::uint64_t run) {
  if (!is_current(worker, run)) return;
  assign(queue.block(worker));
  if (!queue.exhausted()) return;
  for (auto& t : queue.remove_all_waiting()) refuse(*t, 0);
}

void pool_state::unblock(std::size_t worker, std::uint64_t run) {
  if (is_current(worker, run)) queue.unblock(worker);
}

// The pool never kills a worker, but an actor that received a request from a worker can kill that
// worker. A worker dies only between two runs. If its last task has been answered or has handed its
// reply over, that run is over and only the done_atom is missing. Otherwise the task has not begun,
// and a new worker gets the task.
void pool_state::replace(const caf::actor_addr& dead) {
  auto at =
    std::find_if(workers.begin(), workers.end(), [&](const slot& s) { return s.worker == dead; });
  if (at == workers.end()) return;
  at->worker = nullptr;
  auto number = static_cast<std::size_t>(at - workers.begin());
  if (!at->task) return;
  if (!at->task->answer.open()) return done(number, at->run);
  at->worker = spawn_worker(self, config);
  caf::anon_send(at->worker, run_atom::value, at->task, number, at->run);
}

caf::behavior pool(caf::stateful_actor<pool_state>* self, const registry& functions,
                   const pool_options& options, worker_thread thread) {
  auto& s = self->state;
  s.self = self;
  s.config = {self->address(), functions, thread};
  s.options = options;
  auto count = std::max<std::size_t>(options.workers, 1);
  s.max_waiting = count * options.queue_per_worker;
  s.queue = task_queue{count, s.max_waiting, options.max_blocked};
  for (std::size_t i = 0; i < count; ++i) s.workers.push_back({spawn_worker(self, s.config)});
  ignore_unknown_messages(self);
  self->set_down_handler([&s](caf::down_msg& down) { s.replace(down.source); });
  return {
    [&s](run_atom, task_ptr& t) { s.submit(std::move(t)); },
    [&s](done_atom, std::size_t worker, std::uint64_t run) { s.done(worker, run); },
    [&s](block_atom, std::size_t worker, std::uint64_t run) { s.block(worker, run); },
    [&s](unblock_atom, std::size_t worker, std::uint64_t run) { s.unblock(worker, run); },
    [&s](settled_atom) { s.settled(); },
    [&s](stopped_atom) { s.drop_stopped(); },
    [self](shut_down_atom) { self->quit(); },
  };
}

} // namespace

void stop_notice::operator()() const {
  if (sent->test_and_set()) return;
  try {
    send_if_alive(pool, stopped_atom::value);
  } catch (const std::bad_alloc&) {
    sent->clear(); // a stop callback must not throw; the next stopped task's notice covers both
  }
}

caf::actor spawn_pool(caf::actor_system& sys, const registry& functions,
                      const pool_options& options, worker_thread thread) {
  return sys.spawn(pool, functions, options, thread);
}

} // namespace patio
