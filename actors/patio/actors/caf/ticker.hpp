/// One coarse tick at a time for an actor that has deadlines. A tick on its way keeps its actor
/// alive and stays in CAF's clock until it is due, so none is sent far ahead, and one that an
/// earlier deadline has overtaken counts for nothing.
#pragma once

#include <algorithm>

#include <caf/atom.hpp>

#include <patio/actors/os/clock.hpp>

namespace patio {

using tick_atom = caf::atom_constant<caf::atom("tick")>;

class ticker {
public:
  /// Sends (tick_atom, number) to `self` at `next`, or earlier.
  template <class Actor>
  void arm(Actor* self, instant next) {
    if (next >= armed_) return;
    auto now = clock_now();
    auto at = now + std::clamp<instant>(next - now, coarse, far);
    self->delayed_send(self, at - now, tick_atom::value, at.count());
    armed_ = at; // not before, as there may be no memory for the message
  }

  /// False for a tick that was overtaken.
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
