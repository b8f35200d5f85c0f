#include <patio/actors/pool/worker.hpp>

#include <caf/stateful_actor.hpp>

#include <patio/actors/caf/defaults.hpp>
#include <patio/actors/os/clock.hpp>
#include <patio/actors/pool/task.hpp>
#include <patio/actors/pool/worker_host.hpp>
#include <patio/actors/pool/worker_scope.hpp>

namespace patio {
namespace {

struct worker_state {
  worker_config config;
  std::unique_ptr<worker_host> host;
  bool retiring = false;
};

void start_deferred(const deferred_function& f, task& t, worker_host* host) {
  auto stop = t.answer.stop_token();
  // From here on, the function is to blame if the reply is destroyed without an answer.
  auto original = std::make_shared<reply>(std::move(t.answer));
  f(std::move(t.args),
    reply{[original](result<value> r) { original->answer(std::move(r)); }, errc::remote_error,
          std::move(stop)},
    host);
}

result<value> run_function(task& t, const task_run& run) {
  // A function that still runs after its caller has given up must not delay other tasks.
  std::stop_callback on_stop{t.answer.stop_token(), [&] { run.tell_pool(block_atom::value); }};
  if (const auto* immediate = std::get_if<immediate_function>(&t.entry->run))
    return (*immediate)(std::move(t.args));
  return std::get<stoppable_function>(t.entry->run)(std::move(t.args), t.answer.stop_token());
}

/// Users' functions run only here. The entry's `run` catches their exceptions.
void run_task(task& t, worker_state& w, const task_run& run) {
  if (t.deadline <= clock_now())
    return t.answer.answer(fail(errc::timeout, "the call waited too long for a worker"));
  worker_scope scope{run, w.config.thread};
  if (const auto* deferred = std::get_if<deferred_function>(&t.entry->run))
    return start_deferred(*deferred, t, w.host.get());
  auto r = run_function(t, run); // ends the stop callback before the answer stops the token
  t.answer.answer(std::move(r));
}

caf::behavior worker(caf::stateful_actor<worker_state>* self, const worker_config& config) {
  auto& s = self->state;
  ignore_unknown_messages(self);
  s.config = config;
  s.host = std::make_unique<worker_host>(self);
  s.host->on_idle([self, &s] {
    if (s.retiring) self->quit();
  });
  return {
    [&s](run_atom, const task_ptr& t, std::size_t number, std::uint64_t run_number) {
      task_run run{s.config.pool, number, run_number};
      try {
        run_task(*t, s, run);
      } catch (...) { // a conversion threw or memory ran out; `run` catches other exceptions
        t->answer.answer(tl::unexpected(current_exception_error()));
      }
      run.tell_pool(done_atom::value);
    },
    [self, &s](retire_atom) {
      s.retiring = true;
      if (s.host->idle()) self->quit();
    },
  };
}

} // namespace

caf::actor spawn_worker(caf::event_based_actor* pool, const worker_config& config) {
  if (config.thread == worker_thread::own)
    return pool->spawn<caf::detached + caf::monitored>(worker, config);
  return pool->spawn<caf::monitored>(worker, config);
}

} // namespace patio
