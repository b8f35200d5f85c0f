/// The reaction of this library's actors to unknown messages. CAF's defaults print some of these
/// messages, and let others end the actor.
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
