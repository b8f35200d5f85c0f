/// The faults of one direction of one connection, and their byte positions. A value type. Seed,
/// connection and direction decide everything, so a seed replays the decisions at any timing.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <random>
#include <string_view>

namespace patio::chaos {

enum class fault : std::uint8_t {
  cut,        ///< both sides get a FIN; bytes in flight are lost
  reset,      ///< both sides get a RST
  stall,      ///< nothing is forwarded for a while; then the connection goes on or is reset
  dribble,    ///< the next bytes are forwarded in small pieces
  half_close, ///< the receiver gets a FIN while the other direction goes on; then both end
};
inline constexpr std::size_t fault_kinds = 5;
inline constexpr std::array<std::string_view, fault_kinds> fault_names{"cut", "reset", "stall",
                                                                       "dribble", "half_close"};

/// The approximate length of challenge, login and discovery in one direction.
inline constexpr std::uint64_t login_bytes = 150;

struct fault_options {
  std::uint64_t seed = 0;
  double mean_bytes = 50'000; ///< between two faults of a direction
  double in_login = 0.1;      ///< share of the directions whose first fault is during the login
  std::chrono::milliseconds longest_pause{1000};
};

struct planned_fault {
  std::uint64_t at = 0; ///< bytes forwarded before the fault
  fault kind = fault::cut;
  std::chrono::milliseconds pause{}; ///< of a stall or a half-closed connection
  bool both_ways = false;            ///< a stall stops the other direction as well
  bool then_reset = false;           ///< a reset follows the pause
  std::uint64_t dribbled = 0;        ///< bytes that are forwarded in small pieces
  std::size_t largest_piece = 1;     ///< bytes of one piece of a dribble
};

class fault_plan {
public:
  fault_plan(const fault_options& options, std::uint64_t connection, std::uint64_t direction);

  [[nodiscard]] const planned_fault& next() const noexcept { return next_; }
  /// Replaces `next` by the fault that follows.
  void advance();
  /// Draws the size of the next piece of a dribble.
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
