#include <patio/actors/executor.hpp>

#include <algorithm>

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <patio/actors/interfaces.hpp>
#include <patio/actors/junk.hpp>
#include <patio/actors/time.hpp>
#include <patio/actors/worker_host.hpp>
#include <patio/worker_queue.hpp>

namespace patio {
namespace {

using run_atom = caf::atom_constant<caf::atom("run")>;
using done_atom = caf::atom_constant<caf::atom("done")>;

/// The one place where user code runs and where what it throws is caught (inside the entry's function).
void run_task(task& t, void* host) {
  if (t.deadline <= clock_now()) return t.answer.answer(fail(errc::timeout, "the call waited too long for a worker"));
  if (auto* immediate = std::get_if<immediate_function>(&t.entry->run)) return t.answer.answer((*immediate)(std::move(t.args)));
  // Once it has been started, a duty that is dropped is the function's fault.
  auto own = std::make_shared<reply>(std::move(t.answer));
  std::get<deferred_function>(t.entry->run)(std::move(t.args), reply{[own](result<value> r) { own->answer(std::move(r)); }}, host);
}

struct worker_state {
  registry functions; ///< those that it runs, which may take longer than the pool lives
  std::unique_ptr<worker_host> host;
};

caf::behavior worker(caf::stateful_actor<worker_state>* self, const registry& functions) {
  ignore_junk(self);
  self->state.functions = functions;
  self->state.host = std::make_unique<worker_host>(self);
  return {[self](run_atom, const task_ptr& t) {
    try {
      run_task(*t, self->state.host.get());
    } catch (...) { // not of the function, which catches its own, but of a conversion or for want of memory
      t->answer.answer(tl::unexpected(current_exception_error()));
    }
  }};
}

struct pool_state {
  caf::event_based_actor* self = nullptr;
  caf::actor (*spawn_worker)(caf::event_based_actor* pool, const registry& functions) = nullptr;
  registry functions;
  worker_queue<task_ptr> queue{1, 1};
  struct slot {
    caf::actor worker;
    task_ptr last; ///< the task it was given last
  };
  std::vector<slot> workers;

  // Ends with the pool, however that ends: whoever waits is told.
  ~pool_state() {
    for (auto& t : queue.take_waiting()) t->answer.answer(fail(errc::shut_down, "the executor has shut down"));
    for (auto& w : workers) caf::anon_send_exit(w.worker, caf::exit_reason::user_shutdown);
  }

  void submit(task_ptr t) {
    auto placed = queue.submit(t);
    if (placed) return assign(std::move(*placed));
    if (placed.error() == decltype(queue)::admission::refused)
      t->answer.answer(fail(errc::overloaded, std::to_string(queue.waiting()) + " calls wait for a worker"));
  }
  void done(std::size_t index) {
    if (auto next = queue.done(index)) assign(std::move(*next));
  }
  // A function that answers later occupies its worker until it does, or until somebody drops the duty.
  void assign(worker_queue<task_ptr>::assignment a) {
    auto original = std::make_shared<reply>(std::move(a.task->answer));
    auto answer = [original, pool = self->address(), index = a.worker](result<value> r) {
      original->answer(std::move(r));
      if (auto strong = caf::actor_cast<caf::actor>(pool)) caf::anon_send(strong, done_atom::value, index);
    };
    a.task->answer = reply{std::move(answer), errc::shut_down};
    auto& to = workers[a.worker];
    to.last = std::move(a.task);
    caf::anon_send(to.worker, run_atom::value, to.last);
  }
  // Nothing here ends a worker, but an actor that one has sent a request to knows it and might. The call that it ran has
  // been answered by then; one that it was given and had not begun goes to its successor.
  void replace(const caf::actor_addr& dead) {
    auto at = std::find_if(workers.begin(), workers.end(), [&](const slot& s) { return s.worker == dead; });
    if (at == workers.end()) return;
    at->worker = spawn_worker(self, functions);
    if (at->last && at->last->answer.open()) caf::anon_send(at->worker, run_atom::value, at->last);
  }
};

template <caf::spawn_options Options>
caf::actor spawn_worker(caf::event_based_actor* pool, const registry& functions) {
  return pool->spawn<Options + caf::monitored>(worker, functions);
}

template <caf::spawn_options Options>
caf::behavior pool(caf::stateful_actor<pool_state>* self, const registry& functions, const pool_options& options) {
  auto& s = self->state;
  s.self = self;
  s.spawn_worker = spawn_worker<Options>;
  s.functions = functions;
  auto count = std::max<std::size_t>(options.workers, 1);
  s.queue = worker_queue<task_ptr>{count, count * options.queue_per_worker};
  for (std::size_t i = 0; i < count; ++i) s.workers.push_back({s.spawn_worker(self, functions), nullptr});
  ignore_junk(self);
  self->set_down_handler([&s](caf::down_msg& down) { s.replace(down.source); });
  return {
    [&s](run_atom, task_ptr& t) { s.submit(std::move(t)); },
    [&s](done_atom, std::size_t index) { s.done(index); },
    [self](shut_down_atom) { self->quit(); },
  };
}

template <caf::spawn_options Options>
executor spawn_pool(caf::actor_system& sys, const registry& functions, const pool_options& options) {
  return {sys.spawn(pool<Options>, functions, options), functions};
}

} // namespace

void executor::run(task t) const {
  auto shared = std::make_shared<task>(std::move(t));
  if (!pool_) return shared->answer.answer(fail(errc::shut_down, "the null executor runs nothing"));
  caf::anon_send(pool_, run_atom::value, std::move(shared));
}

void executor::shut_down() const {
  if (pool_) caf::anon_send(pool_, shut_down_atom::value);
}

executor spawn_async_pool(caf::actor_system& sys, const registry& functions, pool_options options) {
  return spawn_pool<caf::no_spawn_options>(sys, functions, options);
}

executor spawn_thread_pool(caf::actor_system& sys, const registry& functions, pool_options options) {
  return spawn_pool<caf::detached>(sys, functions, options);
}

executor null_executor(const registry& functions) { return {nullptr, registry{functions.options()}}; }

} // namespace patio
