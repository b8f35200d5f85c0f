#include "fault_plan.hpp"

#include <cmath>

namespace patio::chaos {
namespace {

constexpr std::uint64_t longest_dribble = 2000;
constexpr std::size_t largest_piece = 16;

std::mt19937_64 generator(std::uint64_t seed, std::uint64_t connection, std::uint64_t direction) {
  auto low = [](std::uint64_t n) { return static_cast<std::uint32_t>(n); };
  std::seed_seq mixed{low(seed), low(seed >> 32), low(connection), low(direction)};
  return std::mt19937_64{mixed};
}

} // namespace

fault_plan::fault_plan(const fault_options& options, std::uint64_t connection,
                       std::uint64_t direction)
    : options_{options}, random_{generator(options.seed, connection, direction)} {
  if (chance(options_.in_login)) draw(below(login_bytes));
  else advance();
}

void fault_plan::advance() {
  draw(
    1
    + static_cast<std::uint64_t>(std::exponential_distribution{1 / options_.mean_bytes}(random_)));
}

void fault_plan::draw(std::uint64_t distance) {
  std::discrete_distribution<std::size_t> kinds{20, 20, 25, 20, 15};
  planned_fault f;
  f.at = next_.at + distance;
  f.kind = static_cast<fault>(kinds(random_));
  // The fourth power of a uniform draw makes most pauses short, so that a run has many of them. The
  // longest pause still occurs.
  auto uniform = std::uniform_real_distribution{0.0, 1.0}(random_);
  f.pause = std::chrono::milliseconds{static_cast<std::int64_t>(
    std::pow(uniform, 4) * static_cast<double>(options_.longest_pause.count()))};
  f.both_ways = chance(0.5);
  f.then_reset = chance(0.3);
  f.dribbled = 1 + below(longest_dribble);
  f.largest_piece = piece(largest_piece);
  next_ = f;
}

} // namespace patio::chaos
