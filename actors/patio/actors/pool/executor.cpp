#include <patio/actors/pool/executor.hpp>

#include <caf/send.hpp>

#include <patio/actors/caf/interfaces.hpp>
#include <patio/actors/pool/pool_actor.hpp>

namespace patio {

void executor::run(task t) const {
  auto shared = std::make_shared<task>(std::move(t));
  if (!pool_)
    return shared->answer.answer(fail(errc::shut_down, "the null executor runs no functions"));
  caf::anon_send(pool_, run_atom::value, std::move(shared));
}

void executor::shut_down() const {
  if (pool_) caf::anon_send(pool_, shut_down_atom::value);
}

executor spawn_async_pool(caf::actor_system& sys, const registry& functions, pool_options options) {
  return {spawn_pool(sys, functions, options, worker_thread::shared), functions};
}

executor spawn_thread_pool(caf::actor_system& sys, const registry& functions,
                           pool_options options) {
  return {spawn_pool(sys, functions, options, worker_thread::own), functions};
}

executor null_executor(const registry& functions) {
  return {nullptr, registry{functions.options()}};
}

} // namespace patio
