#include <patio/actors/pool/executor.hpp>

#include <caf/send.hpp>

#include <patio/actors/caf/interfaces.hpp>
#include <patio/actors/pool/pool_actor.hpp>

namespace patio {

void executor::run(task_ptr t) const { run({&t, 1}); }

void executor::run(std::span<task_ptr> tasks) const {
  if (core_) return core_->submit(tasks);
  for (auto& t : tasks) t->answer.answer(fail(errc::shut_down, "the null executor runs nothing"));
}

void executor::shut_down() const {
  if (!pool_) return;
  core_->close();
  caf::anon_send(pool_, shut_down_atom::value);
}

executor spawn_async_pool(caf::actor_system& sys, const registry& functions, pool_options options) {
  return spawn_pool(sys, functions, options, worker_thread::shared);
}

executor spawn_thread_pool(caf::actor_system& sys, const registry& functions,
                           pool_options options) {
  return spawn_pool(sys, functions, options, worker_thread::own);
}

executor null_executor(const registry& functions) {
  return {nullptr, nullptr, registry{functions.options()}};
}

} // namespace patio
