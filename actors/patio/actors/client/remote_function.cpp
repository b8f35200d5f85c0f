#include <patio/actors/client/remote_function.hpp>

#include <caf/actor_system.hpp>
#include <caf/default_attachable.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/make_actor.hpp>
#include <caf/sec.hpp>

#include <patio/actors/caf/error.hpp>
#include <patio/base/time.hpp>
#include <patio/protocol/timeout.hpp>

namespace patio::detail {
namespace {

void refuse(const caf::mailbox_element& message, const caf::strong_actor_ptr& self,
            caf::error reason, caf::execution_unit* host) {
  if (!message.mid.is_request() || !message.sender) return;
  message.sender->enqueue(self, message.mid.response_id(), caf::make_message(std::move(reason)),
                          host);
}

} // namespace

remote_function::remote_function(caf::actor_config& cfg, broker_actor broker, std::string name,
                                 call_options options, argument_converter arguments,
                                 answer_converter answer)
    : caf::monitorable_actor{cfg}, broker_{std::move(broker)}, name_{std::move(name)},
      options_{options}, arguments_{arguments}, answer_{answer} {}

// Removes its monitor from the broker, because a program may make a remote function for every call.
remote_function::~remote_function() {
  caf::default_attachable::observe_token monitor{address(), caf::default_attachable::monitor};
  caf::actor_cast<caf::abstract_actor*>(broker_)->detach(monitor);
}

void remote_function::enqueue(caf::mailbox_element_ptr message, caf::execution_unit* host) {
  auto on_down = [&](caf::down_msg& down) { cleanup(std::move(down.reason), host); };
  if (handle_system_message(*message, host, false, on_down)) return;
  auto arguments = arguments_(message->copy_content_to_message());
  if (!arguments) return refuse(*message, ctrl(), caf::sec::unexpected_message, host);
  value timeout;
  if (options_.timeout) timeout = to_value(std::chrono::duration<double>{*options_.timeout});
  outgoing_call call{{name_, {std::move(*arguments), {}}, std::move(timeout)},
                     options_.only,
                     options_.stop,
                     answer_,
                     nullptr};
  auto target = caf::actor_cast<caf::strong_actor_ptr>(broker_);
  target->enqueue(caf::make_mailbox_element(std::move(message->sender), message->mid,
                                            std::move(message->stages), call_atom::value,
                                            std::move(call)),
                  host);
}

caf::actor make_remote_function(const broker_actor& broker, std::string name,
                                const call_options& options, argument_converter arguments,
                                answer_converter answer) {
  auto& sys = broker.home_system();
  caf::actor_config cfg;
  auto handle =
    caf::make_actor<remote_function, caf::actor>(sys.next_actor_id(), sys.node(), &sys, cfg, broker,
                                                 std::move(name), options, arguments, answer);
  auto monitor = caf::default_attachable::make_monitor(broker.address(), handle.address());
  caf::actor_cast<caf::abstract_actor*>(broker)->attach(std::move(monitor));
  return handle;
}

} // namespace patio::detail
