/// How long to wait before dialling again: anything from half of a bound to all of it, which
/// doubles from 0.1 to 30 s with each failure. A value type; randomness is drawn from its own
/// seeded generator.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace patio {

struct backoff_options {
  std::chrono::nanoseconds first_delay = std::chrono::milliseconds{100};
  std::chrono::nanoseconds longest_delay = std::chrono::seconds{30};
  std::chrono::nanoseconds refused_delay =
    std::chrono::seconds{5}; ///< at least this after a refused login
};

class backoff {
public:
  explicit backoff(backoff_options options = {}, std::uint64_t seed = 0)
      : options_{options}, random_{seed}, bound_{options.first_delay} {}

  void succeeded() noexcept { bound_ = options_.first_delay; }

  [[nodiscard]] std::chrono::nanoseconds failed(bool refused = false) {
    auto wait = std::chrono::nanoseconds{
      std::uniform_int_distribution<std::int64_t>{bound_.count() / 2, bound_.count()}(random_)};
    bound_ = std::min(bound_ * 2, options_.longest_delay);
    return refused ? std::max(wait, options_.refused_delay) : wait;
  }

private:
  backoff_options options_;
  std::mt19937_64 random_;
  std::chrono::nanoseconds bound_;
};

} // namespace patio
