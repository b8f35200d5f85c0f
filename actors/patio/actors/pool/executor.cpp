#include <patio/actors/pool/executor.hpp>

#include <algorithm>

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <patio/actors/caf/defaults.hpp>
#include <patio/actors/caf/interfaces.hpp>
#include <patio/actors/caf/weak_send.hpp>
#include <patio/actors/os/clock.hpp>
#include <patio/actors/pool/worker_host.hpp>
#include <patio/actors/pool/worker_scope.hpp>
#include <patio/base/worker_queue.hpp>

namespace patio {
namespace {

using run_atom = caf::atom_constant<caf::atom("run")>;
using settled_atom = caf::atom_constant<caf::atom("settled")>;
using retire_atom = caf::atom_constant<caf::atom("retire")>;
using unwanted_atom = caf::atom_constant<caf::atom("unwanted")>;

/// What a pool's workers are made of.
struct worker_kind {
  caf::actor_addr pool;
  registry functions;     ///< those that it runs, which may take longer than the pool lives
  bool may_block = false; ///< has a thread of its own
};

struct worker_state {
  worker_kind kind;
  std::unique_ptr<worker_host> host;
  bool retiring = false;
};

template <class Note>
void tell_pool(const caf::actor_addr& pool, Note note, std::size_t worker, std::uint64_t run) {
  send_if_alive(pool, note, worker, run);
}

void start_deferred(const deferred_function& f, task& t, worker_host* host) {
  auto over = t.answer.stop_token();
  // Once it has been started, a duty that is dropped is the function's fault.
  auto own = std::make_shared<reply>(std::move(t.answer));
  f(std::move(t.args),
    reply{[own](result<value> r) { own->answer(std::move(r)); }, errc::remote_error,
          std::move(over)},
    host);
}

/// The one place where user code runs and where what it throws is caught (inside the entry's
/// function).
void run_task(task& t, worker_state& w, std::size_t number, std::uint64_t run) {
  if (t.deadline <= clock_now())
    return t.answer.answer(fail(errc::timeout, "the call waited too long for a worker"));
  worker_scope here{w.kind.pool, number, run, w.kind.may_block};
  if (const auto* deferred = std::get_if<deferred_function>(&t.entry->run))
    return start_deferred(*deferred, t, w.host.get());
  auto r = [&] {
    // Whoever does not stop when nobody waits any more loses its place among the workers.
    std::stop_callback aside{t.answer.stop_token(),
                             [&] { tell_pool(w.kind.pool, aside_atom::value, number, run); }};
    if (const auto* immediate = std::get_if<immediate_function>(&t.entry->run))
      return (*immediate)(std::move(t.args));
    return std::get<stoppable_function>(t.entry->run)(std::move(t.args), t.answer.stop_token());
  }();
  t.answer.answer(std::move(r));
}

caf::behavior worker(caf::stateful_actor<worker_state>* self, const worker_kind& kind) {
  auto& s = self->state;
  ignore_unknown_messages(self);
  s.kind = kind;
  s.host = std::make_unique<worker_host>(self);
  s.host->when_idle([self, &s] {
    if (s.retiring) self->quit();
  });
  return {
    [&s](run_atom, const task_ptr& t, std::size_t number, std::uint64_t run) {
      try {
        run_task(*t, s, number, run);
      } catch (...) { // not of the function, which catches its own, but of a conversion or for want
                      // of memory
        t->answer.answer(tl::unexpected(current_exception_error()));
      }
      tell_pool(s.kind.pool, done_atom::value, number, run);
    },
    [self, &s](retire_atom) { // what it began may still have to answer
      s.retiring = true;
      if (s.host->idle()) self->quit();
    },
  };
}

struct pool_state {
  caf::event_based_actor* self = nullptr;
  caf::actor (*spawn_worker)(caf::event_based_actor* pool, const worker_kind& kind) = nullptr;
  worker_kind kind;
  pool_options options;
  using task_queue = worker_queue<task_ptr, task_owner>;
  task_queue queue{1, 1};
  struct slot {
    caf::actor worker;
    task_ptr last; ///< the task it was given last
    std::uint64_t run = 0;
  };
  std::vector<slot> workers;
  std::uint64_t last_run = 0;
  std::size_t longest = 0;                           ///< of what waits, of either kind
  std::size_t deferred = 0;                          ///< that have begun and not answered yet
  fair_queue<task_ptr, task_owner> waiting_deferred; ///< until fewer of them have
  std::shared_ptr<std::atomic_flag> told =
    std::make_shared<std::atomic_flag>(); ///< that something waits which is over

  // Ends with the pool, however that ends: whoever waits is told.
  ~pool_state() {
    auto waiting = queue.take_waiting();
    for (auto& t : waiting_deferred.take()) waiting.push_back(std::move(t));
    for (auto& t : waiting) t->answer.answer(fail(errc::shut_down, "the executor has shut down"));
    for (auto& w : workers)
      if (w.worker) caf::anon_send_exit(w.worker, caf::exit_reason::user_shutdown);
  }

  void submit(task_ptr t) {
    if (!std::holds_alternative<deferred_function>(t->entry->run)) return enqueue(std::move(t));
    if (deferred < options.deferred) return begin_deferred(std::move(t));
    if (waiting_deferred.size() >= longest) drop_unwanted();
    if (waiting_deferred.size() >= longest) {
      auto displaced = waiting_deferred.displace(t->owner);
      refuse(displaced ? **displaced : *t, longest);
      if (!displaced) return;
    }
    watch(*t);
    auto owner = t->owner;
    waiting_deferred.push(std::move(t), owner);
  }

  // What is over holds memory and takes up room, so it does not wait for its turn.
  void watch(task& t) const {
    if (!t.answer.stop_token().stop_possible()) return;
    t.on_stop = std::make_unique<std::stop_callback<unwanted_note>>(
      t.answer.stop_token(), unwanted_note{self->address(), told});
  }

  void enqueue(task_ptr t) {
    if (!queue.has_room()) watch(*t);
    auto owner = t->owner;
    auto placed = queue.submit(t, owner);
    if (!placed && placed.error() == task_queue::admission::refused && drop_unwanted())
      placed = queue.submit(t, owner);
    if (placed) return assign(std::move(*placed));
    if (placed.error() != task_queue::admission::refused) return;
    auto displaced = queue.displace(owner);
    if (displaced) (void)queue.submit(t, owner); // waits in its place
    refuse(displaced ? **displaced : *t, queue.waiting());
  }

  // Counts from here until it has answered, though it holds a worker only while it begins.
  void begin_deferred(task_ptr t) {
    ++deferred;
    auto original = std::make_shared<reply>(std::move(t->answer));
    auto over = original->stop_token();
    auto answer = [original, pool = self->address()](result<value> r) {
      original->answer(std::move(r));
      send_if_alive(pool, settled_atom::value);
    };
    t->answer = reply{std::move(answer), errc::shut_down, std::move(over)};
    enqueue(std::move(t));
  }
  void settled() {
    --deferred;
    if (auto next = waiting_deferred.pop()) begin_deferred(std::move(*next));
  }

  void refuse(task& t, std::size_t waiting) const {
    auto why = queue.exhausted()
                 ? std::to_string(options.aside) + " functions wait for calls of their own"
                 : std::to_string(waiting) + " calls wait for a worker";
    t.answer.answer(fail(
      errc::overloaded, queue.exhausted() ? limit::none : limit::queue_per_worker, std::move(why)));
  }

  bool drop_unwanted() {
    told->clear();
    auto is_over = [](const task_ptr& t) { return t->answer.stop_token().stop_requested(); };
    auto unwanted = queue.take_waiting(is_over);
    for (auto& t : waiting_deferred.take(is_over)) unwanted.push_back(std::move(t));
    for (auto& t : unwanted) t->answer.answer(fail(errc::cancelled, {}));
    return !unwanted.empty();
  }

  void assign(std::optional<task_queue::assignment> a) {
    while (a && a->task->answer.stop_token().stop_requested()) { // never begun
      a->task->answer.answer(fail(errc::cancelled, {}));
      a = queue.done(a->worker);
    }
    if (!a) return;
    a->task->on_stop.reset();
    if (a->worker >= workers.size()) workers.resize(a->worker + 1);
    auto& to = workers[a->worker];
    if (!to.worker) to.worker = spawn_worker(self, kind);
    to.last = std::move(a->task);
    to.run = ++last_run;
    caf::anon_send(to.worker, run_atom::value, to.last, a->worker, to.run);
  }

  [[nodiscard]] bool is_current(std::size_t worker, std::uint64_t run) const {
    return worker < workers.size() && workers[worker].run == run;
  }

  void done(std::size_t worker, std::uint64_t run) {
    if (!is_current(worker, run)) return;
    workers[worker].last.reset();
    workers[worker].run = 0;
    assign(queue.done(worker));
    if (workers[worker].run == 0 && queue.is_spare(worker))
      caf::anon_send(std::exchange(workers[worker].worker, nullptr), retire_atom::value);
  }
  void set_aside(std::size_t worker, std::uint64_t run) {
    if (!is_current(worker, run)) return;
    assign(queue.set_aside(worker));
    if (!queue.exhausted()) return;
    for (auto& t : queue.take_waiting()) refuse(*t, 0);
  }
  void bring_back(std::size_t worker, std::uint64_t run) {
    if (is_current(worker, run)) queue.bring_back(worker);
  }

  // Nothing here ends a worker, but an actor that one has sent a request to knows it and might.
  // What it ran has been answered by then; what it was given and had not begun goes to its
  // successor.
  void replace(const caf::actor_addr& dead) {
    auto at =
      std::find_if(workers.begin(), workers.end(), [&](const slot& s) { return s.worker == dead; });
    if (at == workers.end()) return;
    at->worker = nullptr;
    auto number = static_cast<std::size_t>(at - workers.begin());
    if (!at->last) return;
    if (!at->last->answer.open()) return done(number, at->run);
    at->worker = spawn_worker(self, kind);
    caf::anon_send(at->worker, run_atom::value, at->last, number, at->run);
  }
};

template <caf::spawn_options Options>
caf::actor spawn_worker(caf::event_based_actor* pool, const worker_kind& kind) {
  return pool->spawn<Options + caf::monitored>(worker, kind);
}

template <caf::spawn_options Options>
caf::behavior pool(caf::stateful_actor<pool_state>* self, const registry& functions,
                   const pool_options& options) {
  auto& s = self->state;
  s.self = self;
  s.spawn_worker = spawn_worker<Options>;
  s.kind = {self->address(), functions, caf::has_detach_flag(Options)};
  s.options = options;
  auto count = std::max<std::size_t>(options.workers, 1);
  s.longest = count * options.queue_per_worker;
  s.queue = pool_state::task_queue{count, s.longest, options.aside};
  for (std::size_t i = 0; i < count; ++i)
    s.workers.push_back({s.spawn_worker(self, s.kind), nullptr});
  ignore_unknown_messages(self);
  self->set_down_handler([&s](caf::down_msg& down) { s.replace(down.source); });
  return {
    [&s](run_atom, task_ptr& t) { s.submit(std::move(t)); },
    [&s](done_atom, std::size_t worker, std::uint64_t run) { s.done(worker, run); },
    [&s](aside_atom, std::size_t worker, std::uint64_t run) { s.set_aside(worker, run); },
    [&s](back_atom, std::size_t worker, std::uint64_t run) { s.bring_back(worker, run); },
    [&s](settled_atom) { s.settled(); },
    [&s](unwanted_atom) { s.drop_unwanted(); },
    [self](shut_down_atom) { self->quit(); },
  };
}

template <caf::spawn_options Options>
executor spawn_pool(caf::actor_system& sys, const registry& functions,
                    const pool_options& options) {
  return {sys.spawn(pool<Options>, functions, options), functions};
}

} // namespace

void unwanted_note::operator()() const {
  if (told->test_and_set()) return;
  try {
    send_if_alive(pool, unwanted_atom::value);
  } catch (const std::bad_alloc&) { // nobody can be told from within a stop; the next one tells the
                                    // pool of both
    told->clear();
  }
}

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

executor spawn_thread_pool(caf::actor_system& sys, const registry& functions,
                           pool_options options) {
  return spawn_pool<caf::detached>(sys, functions, options);
}

executor null_executor(const registry& functions) {
  return {nullptr, registry{functions.options()}};
}

} // namespace patio
