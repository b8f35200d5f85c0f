#include <patio/actors/pool/blocking_scope.hpp>

#include <utility>

#include <patio/actors/pool/worker_scope.hpp>
#include <patio/functions/python_error.hpp>

namespace patio {
namespace {

thread_local bool is_delivering = false;

} // namespace

delivery_scope::delivery_scope() noexcept : outer_{std::exchange(is_delivering, true)} {}

delivery_scope::~delivery_scope() { is_delivering = outer_; }

blocking_scope::blocking_scope() {
  if (const auto* worker = worker_scope::current()) worker->run().block();
}

blocking_scope::~blocking_scope() {
  if (const auto* worker = worker_scope::current()) worker->run().unblock();
}

void require_may_block() {
  if (is_delivering)
    throw call_error{{errc::invalid,
                      "waiting for a call would block the thread that delivers the answers: use "
                      "co_await here, too, or continue on another thread",
                      {}}};
  const auto* worker = worker_scope::current();
  if (!worker || worker->may_block()) return;
  constexpr auto why = "waiting for a call would block a thread that all functions of the async "
                       "pool share: take a patio::reply_to<R> and "
                       "answer later, or run the function in a thread pool";
  throw call_error{{errc::invalid, why, {}}};
}

} // namespace patio
