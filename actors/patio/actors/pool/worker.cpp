#include <patio/actors/pool/worker.hpp>

#include <algorithm>
#include <optional>
#include <utility>

#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <patio/actors/caf/defaults.hpp>
#include <patio/actors/os/clock.hpp>
#include <patio/actors/os/decoder.hpp>
#include <patio/actors/pool/worker_host.hpp>
#include <patio/actors/pool/worker_scope.hpp>

namespace patio {
namespace {

/// (atom, run number): the core has assigned a task to this worker.
using run_atom = caf::atom_constant<caf::atom("run")>;
/// From a worker to itself: end when all deferred calls are answered.
using retire_atom = caf::atom_constant<caf::atom("retire")>;

/// A worker runs tasks for so long before it reads its mailbox, or gives its thread to another
/// actor. Shorter than a tick of the kernel's scheduler.
constexpr std::chrono::milliseconds turn{1};

struct worker_state {
  caf::event_based_actor* self = nullptr;
  worker_config config;
  std::size_t number = 0;
  std::unique_ptr<worker_host> host;
  bool retiring = false;

  void run(std::uint64_t number_of_run);
  std::optional<result<value>> run_task(task& t, const task_run& run, instant now);
  void retire();
};

void start_deferred(const deferred_function& f, task& t, worker_host* host) {
  auto stop = t.answer.stop_token();
  // From here on, the function is to blame if the reply is destroyed without an answer.
  auto answer = [original = std::move(t.answer)](result<value> r) mutable {
    original.answer(std::move(r));
  };
  f(std::move(t.args), reply{std::move(answer), errc::remote_error, std::move(stop)}, host);
}

result<value> run_function(task& t, const task_run& run) {
  // A function that still runs after its caller has given up must not delay other tasks.
  std::stop_callback on_stop{t.answer.stop_token(), [&] { run.block(); }};
  if (const auto* immediate = std::get_if<immediate_function>(&t.entry->run))
    return (*immediate)(std::move(t.args));
  return std::get<stoppable_function>(t.entry->run)(std::move(t.args), t.answer.stop_token());
}

/// Users' functions run only here. The entry's `run` catches their exceptions. Returns the answer,
/// unless the function answers later.
std::optional<result<value>> worker_state::run_task(task& t, const task_run& run, instant now) try {
  if (t.place) t.place->begin(now);
  if (t.deadline <= now) return fail(errc::timeout, "the call waited too long for a worker");
  worker_scope scope{run, config.thread};
  if (const auto* deferred = std::get_if<deferred_function>(&t.entry->run)) {
    start_deferred(*deferred, t, host.get());
    return {};
  }
  return run_function(t, run); // ends the stop callback before the answer stops the token
} catch (...) { // a conversion threw, or memory ran out: a function's own throw stays inside
  return tl::unexpected(current_exception_error());
}

void answer(task& t, result<value>&& r) try { t.answer.answer(std::move(r)); } catch (...) {
  t.answer.answer(tl::unexpected(current_exception_error()));
}

// A caller that gets its answer may make its next call at once, so the run ends first. A large
// answer takes long to encode. The worker does that as part of the run.
void worker_state::run(std::uint64_t number_of_run) {
  task_run current{config.core.get(), number, number_of_run};
  auto now = clock_now();
  auto end_of_turn = now + turn;
  for (auto t = config.core->begin(number, current.run); t;) {
    auto r = run_task(*t, current, now);
    if (r && *r && (*r)->weight() > large_payload) answer(*t, std::move(*std::exchange(r, {})));
    auto begin = std::exchange(now, clock_now());
    auto next = config.core->done(number, current.run, now < end_of_turn, now - begin);
    if (r) answer(*t, std::move(*r));
    t = std::move(next.task);
    current.run = next.run;
    if (next.retires) retire();
  }
}

// The worker leaves the table first: the pool then starts a later task on a new worker. Messages
// that came before wait in front of this one.
void worker_state::retire() {
  (void)config.workers->remove(self->address());
  self->send(self, retire_atom::value);
}

caf::behavior worker(caf::stateful_actor<worker_state>* self, const worker_config& config,
                     std::size_t number) {
  auto& s = self->state;
  ignore_unknown_messages(self);
  s.self = self;
  s.config = config;
  s.number = number;
  s.host = std::make_unique<worker_host>(self);
  s.host->on_idle([self, &s] {
    if (s.retiring) self->quit();
  });
  return {
    [&s](run_atom, std::uint64_t run) { s.run(run); },
    [self, &s](retire_atom) {
      s.retiring = true;
      if (s.host->idle()) self->quit();
    },
  };
}

} // namespace

// The message is sent under the lock, so that no message follows the removal of a worker.
bool worker_table::start(std::size_t worker, std::uint64_t run) {
  std::lock_guard lock{mutex_};
  if (worker >= workers_.size() || !workers_[worker]) return false;
  caf::anon_send(workers_[worker], run_atom::value, run);
  return true;
}

void worker_table::add(std::size_t worker, caf::actor a) {
  std::lock_guard lock{mutex_};
  if (worker >= workers_.size()) workers_.resize(worker + 1);
  workers_[worker] = std::move(a);
}

std::optional<std::size_t> worker_table::remove(const caf::actor_addr& dead) {
  std::lock_guard lock{mutex_};
  auto at = std::ranges::find_if(workers_, [&](const caf::actor& a) { return a == dead; });
  if (at == workers_.end()) return {};
  *at = nullptr;
  return at - workers_.begin();
}

void worker_table::end_all() {
  std::lock_guard lock{mutex_};
  for (auto& a : std::exchange(workers_, {}))
    if (a) caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
}

caf::actor spawn_worker(caf::event_based_actor* pool, const worker_config& config,
                        std::size_t number) {
  if (config.thread == worker_thread::own)
    return pool->spawn<caf::detached + caf::monitored>(worker, config, number);
  return pool->spawn<caf::monitored>(worker, config, number);
}

} // namespace patio
