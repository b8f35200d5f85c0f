/// Requests from code outside actors, without a thread or a blocking actor: the answer, or the
/// receiver's death, arrives at a callback.
#pragma once

#include <functional>

#include <caf/actor_cast.hpp>
#include <caf/actor_control_block.hpp>
#include <caf/message.hpp>

namespace patio {

/// Calls `settle` once, on the receiver's thread: with its answer, which is an empty message where
/// it has no content, or with a caf::error, which is errc::shut_down if the receiver ended without
/// an answer.
void request_async(const caf::strong_actor_ptr& receiver, caf::message content,
                   std::function<void(caf::message&)> settle);

template <class Handle>
void request_async(const Handle& receiver, caf::message content,
                   std::function<void(caf::message&)> settle) {
  request_async(caf::actor_cast<caf::strong_actor_ptr>(receiver), std::move(content),
                std::move(settle));
}

} // namespace patio
