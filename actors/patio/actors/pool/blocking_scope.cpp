#include <patio/actors/pool/blocking_scope.hpp>

#include <patio/actors/pool/worker_scope.hpp>
#include <patio/functions/python_error.hpp>

namespace patio {

blocking_scope::blocking_scope() {
  if (const auto* worker = worker_scope::current()) worker->run().block();
}

blocking_scope::~blocking_scope() {
  if (const auto* worker = worker_scope::current()) worker->run().unblock();
}

void require_may_block() {
  const auto* worker = worker_scope::current();
  if (!worker || worker->may_block()) return;
  constexpr auto why = "waiting for a call would block a thread that all functions of the async "
                       "pool share: take a patio::reply_to<R> and "
                       "answer later, or run the function in a thread pool";
  throw call_error{{errc::invalid, why, {}}};
}

} // namespace patio
