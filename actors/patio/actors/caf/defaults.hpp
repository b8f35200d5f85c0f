/// How this library's actors react to messages without a handler. By default, CAF prints such a
/// message, or ends the actor.
#pragma once

#include <caf/scheduled_actor.hpp>

namespace patio {

/// Makes the actor ignore messages without a handler, error messages and down messages. A request
/// without a handler is still answered, with sec::unexpected_message. An exit message still ends
/// the actor.
template <class Actor>
void ignore_unknown_messages(Actor* self) {
  self->set_default_handler(caf::drop);
  self->set_error_handler([](caf::error&) {});
  self->set_down_handler([](caf::down_msg&) {});
}

} // namespace patio
