#include <patio/actors/pool/worker_scope.hpp>

#include <caf/actor.hpp>
#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

#include <patio/actors/pool/task.hpp>
#include <patio/functions/python_error.hpp>

namespace patio {
namespace {

thread_local worker_scope* innermost = nullptr;

} // namespace

worker_scope::worker_scope(caf::actor_addr pool, std::size_t worker, std::uint64_t run,
                           bool may_block)
    : pool_{std::move(pool)}, worker_{worker}, run_{run},
      may_block_{may_block}, outer_{std::exchange(innermost, this)} {}

worker_scope::~worker_scope() { innermost = outer_; }

waiting_scope::waiting_scope() {
  if (!innermost) return;
  if (auto pool = caf::actor_cast<caf::actor>(innermost->pool_))
    caf::anon_send(pool, aside_atom::value, innermost->worker_, innermost->run_);
}

waiting_scope::~waiting_scope() {
  if (!innermost) return;
  if (auto pool = caf::actor_cast<caf::actor>(innermost->pool_))
    caf::anon_send(pool, back_atom::value, innermost->worker_, innermost->run_);
}

void require_that_waiting_is_allowed() {
  if (!innermost || innermost->may_block()) return;
  constexpr auto why = "waiting for a call would block a thread that all functions of the async "
                       "pool share: take a patio::reply_to<R> and "
                       "answer later, or run the function in a thread pool";
  throw call_error{{errc::invalid, why, {}}};
}

} // namespace patio
