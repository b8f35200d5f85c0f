/// What goes wrong on one direction of one connection, and after how many bytes. A value type:
/// seed, connection and direction decide everything, so a seed replays the decisions whatever the
/// timing.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <random>
#include <string_view>

namespace patio::chaos {

enum class fault : std::uint8_t {
  cut,        ///< both sides get a FIN; what was under way is lost
  reset,      ///< both sides get a RST
  stall,      ///< nothing is forwarded for a while; then it goes on, or is reset
  dribble,    ///< some bytes at a time for a while
  half_close, ///< the receiver gets a FIN while the other direction goes on; then both end
};
inline constexpr std::size_t fault_kinds = 5;
inline constexpr std::array<std::string_view, fault_kinds> fault_names{"cut", "reset", "stall",
                                                                       "dribble", "half_close"};

inline constexpr std::uint64_t login_bytes =
  150; ///< challenge, login and discovery of one direction are about that long

struct fault_options {
  std::uint64_t seed = 0;
  double mean_bytes = 50'000; ///< from one fault of a direction to the next
  double in_login = 0.1; ///< share of the directions whose first fault comes while the peers log in
  std::chrono::milliseconds longest_pause{1000};
};

struct planned_fault {
  std::uint64_t at = 0; ///< bytes forwarded before it
  fault kind = fault::cut;
  std::chrono::milliseconds pause{}; ///< of a stall or a half-closed connection
  bool both_ways = false;            ///< a stall of the other direction, too
  bool then_reset = false;           ///< after the pause
  std::uint64_t dribbled = 0;        ///< bytes
  std::size_t largest_piece = 1;     ///< of a dribble
};

class fault_plan {
public:
  fault_plan(const fault_options& options, std::uint64_t connection, std::uint64_t direction);

  [[nodiscard]] const planned_fault& next() const noexcept { return next_; }
  /// Draws the one that follows `next`.
  void advance();
  /// Size of the next piece of a dribble.
  [[nodiscard]] std::size_t piece(std::size_t largest) { return below(largest) + 1; }

private:
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) {
    return std::uniform_int_distribution<std::uint64_t>{0, bound - 1}(random_);
  }
  [[nodiscard]] bool chance(double p) { return std::bernoulli_distribution{p}(random_); }
  void draw(std::uint64_t distance);

  fault_options options_;
  std::mt19937_64 random_;
  planned_fault next_;
};

} // namespace patio::chaos
