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

void refuse(const caf::mailbox_element& what, const caf::strong_actor_ptr& from, caf::error why,
            caf::execution_unit* host) {
  if (what.mid.is_request() && what.sender)
    what.sender->enqueue(from, what.mid.response_id(), caf::make_message(std::move(why)), host);
}

} // namespace

remote_function::remote_function(caf::actor_config& cfg, broker_actor broker, std::string name,
                                 call_options options, arguments_of_message read,
                                 decltype(outgoing_call::convert) convert)
    : caf::monitorable_actor{cfg}, broker_{std::move(broker)}, name_{std::move(name)},
      options_{options}, read_{read}, convert_{convert} {}

// Takes its monitor along: a program may make a handle for every call.
remote_function::~remote_function() {
  caf::default_attachable::observe_token mine{address(), caf::default_attachable::monitor};
  caf::actor_cast<caf::abstract_actor*>(broker_)->detach(mine);
}

void remote_function::enqueue(caf::mailbox_element_ptr what, caf::execution_unit* host) {
  auto on_down = [&](caf::down_msg& down) { cleanup(std::move(down.reason), host); };
  if (handle_system_message(*what, host, false, on_down)) return;
  auto arguments = read_(what->copy_content_to_message());
  if (!arguments) return refuse(*what, ctrl(), caf::sec::unexpected_message, host);
  value timeout;
  if (options_.timeout) timeout = to_value(std::chrono::duration<double>{*options_.timeout});
  outgoing_call call{{name_, {std::move(*arguments), {}}, std::move(timeout)},
                     options_.only,
                     options_.stop,
                     convert_,
                     nullptr};
  auto target = caf::actor_cast<caf::strong_actor_ptr>(broker_);
  target->enqueue(caf::make_mailbox_element(std::move(what->sender), what->mid,
                                            std::move(what->stages), call_atom::value,
                                            std::move(call)),
                  host);
}

caf::actor make_remote_function(const broker_actor& broker, std::string name,
                                const call_options& options, arguments_of_message read,
                                decltype(outgoing_call::convert) convert) {
  auto& sys = broker.home_system();
  caf::actor_config cfg;
  auto made = caf::make_actor<remote_function, caf::actor>(
    sys.next_actor_id(), sys.node(), &sys, cfg, broker, std::move(name), options, read, convert);
  auto when_down = caf::default_attachable::make_monitor(broker.address(), made.address());
  caf::actor_cast<caf::abstract_actor*>(broker)->attach(std::move(when_down));
  return made;
}

} // namespace patio::detail
