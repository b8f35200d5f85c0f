/// Computes the delay before the next attempt to connect. The delay is random, between half of a
/// bound and the whole bound. The bound doubles with each failure, up to a maximum. A backoff reads
/// no clock and draws its random numbers from its own seeded generator. Each object belongs to one
/// thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace patio {

struct backoff_options {
  std::chrono::nanoseconds first_delay = std::chrono::milliseconds{100}; ///< the first bound
  std::chrono::nanoseconds longest_delay = std::chrono::seconds{30};     ///< the largest bound
  /// The minimum delay after the peer has refused the login. The delay is random, up to twice this
  /// minimum, or longer after many failures.
  std::chrono::nanoseconds refused_delay = std::chrono::seconds{5};
};

class backoff {
public:
  explicit backoff(backoff_options options = {}, std::uint64_t seed = 0)
      : options_{options}, random_{seed}, bound_{options.first_delay} {}

  /// Resets the bound to the first bound.
  void succeeded() noexcept { bound_ = options_.first_delay; }

  /// Returns the delay before the next attempt and doubles the bound. `refused` says that the peer
  /// refused the login.
  [[nodiscard]] std::chrono::nanoseconds failed(bool refused = false) {
    auto wait = between(bound_ / 2, bound_);
    bound_ = std::min(bound_ * 2, options_.longest_delay);
    if (!refused) return wait;
    // A busy node refuses many peers at the same moment. They must not come back together.
    return std::max(wait, between(options_.refused_delay, 2 * options_.refused_delay));
  }

private:
  [[nodiscard]] std::chrono::nanoseconds between(std::chrono::nanoseconds shortest,
                                                 std::chrono::nanoseconds longest) {
    std::uniform_int_distribution<std::int64_t> draw{shortest.count(), longest.count()};
    return std::chrono::nanoseconds{draw(random_)};
  }

  /// SplitMix64 (Steele, Lea and Flood, 2014). Every connection has a backoff, and the state of a
  /// std::mt19937_64 would take 2.5 KB of each.
  struct generator {
    using result_type = std::uint64_t;
    std::uint64_t state;
    static constexpr result_type min() noexcept { return 0; }
    static constexpr result_type max() noexcept { return ~result_type{0}; }
    result_type operator()() noexcept {
      auto z = state += 0x9e3779b97f4a7c15;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
      z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
      return z ^ (z >> 31);
    }
  };

  backoff_options options_;
  generator random_;
  std::chrono::nanoseconds bound_;
};

} // namespace patio
