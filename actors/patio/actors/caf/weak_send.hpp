/// Messages to actors that may have ended. The function runs on any thread.
#pragma once

#include <chrono>
#include <utility>

#include <caf/actor.hpp>
#include <caf/actor_addr.hpp>
#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

namespace patio {

/// Sends the parts as an anonymous message, or does nothing if the actor has ended.
template <class... Parts>
void send_if_alive(const caf::actor_addr& receiver, Parts&&... parts) {
  auto alive = caf::actor_cast<caf::actor>(receiver);
  if (alive) caf::anon_send(alive, std::forward<Parts>(parts)...);
}

/// Sends the parts after the time. CAF's clock keeps the actor alive for so long.
template <class... Parts>
void delayed_send_if_alive(const caf::actor_addr& receiver, std::chrono::nanoseconds time,
                           Parts&&... parts) {
  auto alive = caf::actor_cast<caf::actor>(receiver);
  if (alive) caf::delayed_anon_send(alive, time, std::forward<Parts>(parts)...);
}

} // namespace patio
