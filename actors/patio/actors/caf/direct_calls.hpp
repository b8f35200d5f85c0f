/// Calls that a program makes while a broker delivers an answer to it. The program then runs on the
/// broker's thread, so a call at the same broker needs no message.
#pragma once

#include <patio/actors/caf/interfaces.hpp>

namespace patio {

/// While the object lives, `broker` takes the calls of this thread directly.
class direct_calls {
public:
  using taker = void (*)(void* state, outgoing_call& call);

  /// Calls `taking` with `state` for each call.
  direct_calls(const caf::abstract_actor* broker, void* state, taker taking) noexcept
      : broker_{broker}, state_{state}, taking_{taking}, outer_{current_} {
    current_ = this;
  }
  ~direct_calls() { current_ = outer_; }
  direct_calls(const direct_calls&) = delete;
  direct_calls& operator=(const direct_calls&) = delete;

  /// Returns false if this thread does not deliver an answer of `broker`. Send a message then.
  [[nodiscard]] static bool take(const broker_actor& broker, outgoing_call& call) {
    auto* here = current_;
    if (!here || here->broker_ != caf::actor_cast<caf::abstract_actor*>(broker)) return false;
    here->taking_(here->state_, call);
    return true;
  }

private:
  static inline thread_local direct_calls* current_ = nullptr;

  const caf::abstract_actor* broker_;
  void* state_;
  taker taking_;
  direct_calls* outer_;
};

} // namespace patio
