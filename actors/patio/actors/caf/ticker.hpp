/// Coarse ticks for an actor with deadlines, one at a time. CAF's clock keeps the actor of a
/// pending tick alive, so no tick is scheduled far ahead. An earlier deadline replaces the pending
/// tick. The replaced tick is ignored when it arrives.
#pragma once

#include <algorithm>

#include <caf/atom.hpp>

#include <patio/actors/os/clock.hpp>

namespace patio {

using tick_atom = caf::atom_constant<caf::atom("tick")>;

class ticker {
public:
  /// Sends (tick_atom, number) to `self` at `next`, but no sooner than in 10 ms and no later than
  /// in 500 ms. Does nothing if a tick is due by then. A deadline that has passed does not replace
  /// the tick again and again, which would postpone the tick as long as messages keep coming.
  template <class Actor>
  void arm(Actor* self, instant next) {
    auto now = clock_now();
    auto at = now + std::clamp<instant>(next - now, coarse, far);
    if (next >= armed_ || at >= armed_) return;
    self->delayed_send(self, at - now, tick_atom::value, at.count());
    armed_ = at; // after the send, which may have thrown std::bad_alloc
  }

  /// Returns false for a tick that was replaced.
  [[nodiscard]] bool fired(std::int64_t number) noexcept {
    if (number != armed_.count()) return false;
    armed_ = never;
    return true;
  }

private:
  static constexpr std::chrono::milliseconds coarse{10}, far{500};
  instant armed_ = never;
};

} // namespace patio
