/// The one clock of the actor layer: what libpatio's state machines are told is "now".
#pragma once

#include <chrono>

#include <patio/base/time.hpp>

namespace patio {

[[nodiscard]] inline instant clock_now() noexcept {
  return std::chrono::steady_clock::now().time_since_epoch();
}

} // namespace patio
