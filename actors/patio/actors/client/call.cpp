#include <patio/actors/client/call.hpp>

#include <caf/send.hpp>

#include <patio/actors/caf/direct_calls.hpp>

namespace patio {

void detail::resumption::answered() noexcept {
  auto* coroutine = waiting_.exchange(this, std::memory_order_acq_rel);
  if (!coroutine) return;
  delivery_scope delivering;
  std::coroutine_handle<>::from_address(coroutine).resume();
}

void call_async(const broker_actor& broker, call_request request, const call_options& options,
                reply::sink on_result) {
  // If the broker has ended, or ends with the call in its mailbox, CAF destroys the message. That
  // destroys the reply, which then reports errc::shut_down.
  auto direct = std::make_shared<reply>(std::move(on_result), errc::shut_down);
  outgoing_call call{std::move(request), options.only, options.stop, nullptr, std::move(direct)};
  if (!direct_calls::take(broker, call)) caf::anon_send(broker, call_atom::value, std::move(call));
}

} // namespace patio
