/// A pool of supervised actors behind one typed handle. A message to the handle waits in the pool's
/// queue until an actor is idle. The pool starts an actor again when that actor has ended.
///
///   auto pool = patio::spawn_worker_pool(sys, 4, [&sys] { return sys.spawn(store); });
///   rpc.add("kv.get", pool, get_atom::value);
///
/// Each actor has at most one message that it has not answered. Every request is answered: by an
/// actor, or with an error if its actor has ended. Such a message may have had effects, and does
/// not go to another actor. The pool ends with its last handle, and ends its actors.
#pragma once

#include <functional>
#include <type_traits>
#include <utility>

#include <caf/actor.hpp>
#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/typed_actor.hpp>

#include <patio/actors/pool/supervision.hpp>
#include <patio/base/api.hpp>

namespace PATIO_API patio {

struct worker_pool_options {
  restart_policy restarts = {};
  /// Messages that wait for an idle actor. The pool answers further messages with errc::overloaded.
  std::size_t max_waiting = 262'144;
};

namespace detail {

template <class T>
inline constexpr bool is_typed_actor = false;
template <class... Sigs>
inline constexpr bool is_typed_actor<caf::typed_actor<Sigs...>> = true;

[[nodiscard]] caf::actor spawn_untyped_worker_pool(caf::actor_system& sys, std::size_t actors,
                                                   std::function<caf::actor()> factory,
                                                   const worker_pool_options& options);

} // namespace detail

/// Spawns a pool of `actors` actors. The factory spawns one actor at each call and returns its
/// typed handle. The pool calls the factory on a thread of the scheduler, for as long as the pool
/// lives. If the factory throws or returns a null handle, this counts as an actor that has ended.
/// Throws std::invalid_argument if there are no actors, or for a wrong policy.
///
/// When the policy does not allow another restart, the pool gives up: it logs an error, ends its
/// idle actors, and its other actors after their answer. All messages from then on, and those that
/// wait, are answered with errc::shut_down and the reason.
template <class Factory>
  requires detail::is_typed_actor<std::invoke_result_t<Factory&>>
[[nodiscard]] auto spawn_worker_pool(caf::actor_system& sys, std::size_t actors, Factory factory,
                                     const worker_pool_options& options = {}) {
  auto untyped = [factory = std::move(factory)]() mutable {
    return caf::actor_cast<caf::actor>(factory());
  };
  return caf::actor_cast<std::invoke_result_t<Factory&>>(
    detail::spawn_untyped_worker_pool(sys, actors, std::move(untyped), options));
}

} // namespace patio
