#include <patio/actors/client/call.hpp>

#include <caf/send.hpp>

namespace patio {

void call_async(const broker_actor& broker, call_request request, const call_options& options,
                reply::sink on_result) {
  // If the broker is dead or dies with the call in its mailbox, CAF drops the message and so the
  // reply.
  auto direct = std::make_shared<reply>(std::move(on_result), errc::shut_down);
  caf::anon_send(
    broker, call_atom::value,
    outgoing_call{std::move(request), options.only, options.stop, nullptr, std::move(direct)});
}

} // namespace patio
