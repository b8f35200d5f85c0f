/// What every actor of this library does with messages that are not for it. CAF's defaults would
/// print some of them, and let others end the actor.
#pragma once

#include <caf/scheduled_actor.hpp>

namespace patio {

/// A request is still answered with sec::unexpected_message. Exit messages are not junk: they end
/// an actor.
template <class Actor>
void ignore_unknown_messages(Actor* self) {
  self->set_default_handler(caf::drop);
  self->set_error_handler([](caf::error&) {});
  self->set_down_handler([](caf::down_msg&) {});
}

} // namespace patio
