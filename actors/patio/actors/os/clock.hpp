/// The only clock of the actor layer. Its time is the "now" that libpatio's state machines get.
#pragma once

#include <chrono>

#include <patio/base/time.hpp>

namespace patio {

[[nodiscard]] inline instant clock_now() noexcept {
  return std::chrono::steady_clock::now().time_since_epoch();
}

} // namespace patio
