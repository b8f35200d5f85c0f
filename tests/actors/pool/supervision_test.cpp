// Restarts of supervised actors, in virtual time.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <random>
#include <stdexcept>
#include <utility>

#include <patio/actors/pool/supervision.hpp>

#include "seed.hpp"

using namespace patio;
using namespace std::chrono_literals;

namespace {

constexpr instant start = 1000s;

/// Returns the delay until the restart of the only actor that is due.
std::chrono::nanoseconds delay_of(supervision& s, instant now) {
  auto next = s.next();
  REQUIRE(next != never);
  CHECK_FALSE(s.take_due(next - 1ns));
  REQUIRE(s.take_due(next));
  return next - now;
}

} // namespace

TEST_CASE("supervision: each restart of an actor waits longer, up to the longest delay") {
  supervision s{1, {.max_restarts = 100, .first_delay = 100ms, .longest_delay = 1s}, 7};
  auto now = start;
  for (auto bound : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) {
    s.ended(0, now);
    auto delay = delay_of(s, now);
    CHECK(delay >= bound / 2);
    CHECK(delay <= bound);
    now += delay;
  }
  CHECK(s.next() == never);
}

TEST_CASE("supervision: an actor that has answered starts again after the first delay") {
  supervision s{2, {.max_restarts = 100, .first_delay = 100ms}, 7};
  for (int i = 0; i < 5; ++i) {
    s.ended(0, start);
    (void)delay_of(s, start);
  }
  s.answered(1); // another actor
  s.ended(0, start);
  CHECK(delay_of(s, start) >= 1600ms);
  s.answered(0);
  s.ended(0, start);
  CHECK(delay_of(s, start) <= 100ms);
}

TEST_CASE("supervision: it gives up when more restarts are needed than the policy allows") {
  supervision s{3, {.max_restarts = 2, .within = 10s}, 7};
  s.ended(0, start);
  s.ended(1, start + 1s);
  CHECK_FALSE(s.has_given_up());
  s.ended(2, start + 2s);
  CHECK(s.has_given_up());
  CHECK(s.reason() == "3 actors ended within 10 s, and the policy allows 2 restarts");
  CHECK(s.next() == never);
  CHECK_FALSE(s.take_due(start + 1h));
  s.ended(0, start + 1h);
  CHECK(s.next() == never);
}

TEST_CASE("supervision: restarts that are longer ago than the policy's span do not count") {
  supervision s{1, {.max_restarts = 2, .within = 10s}, 7};
  for (int i = 0; i < 100; ++i) {
    s.ended(0, start + i * 5s);
    REQUIRE_FALSE(s.has_given_up());
    REQUIRE(s.take_due(never - 1ns));
  }
  s.ended(0, start + 99 * 5s + 1ns);
  CHECK(s.has_given_up());
}

TEST_CASE("supervision: without restarts, the first end is the last") {
  supervision s{2, {.max_restarts = 0}, 7};
  s.ended(1, start);
  CHECK(s.has_given_up());
  CHECK(s.reason() == "1 actor ended within 60 s, and the policy allows 0 restarts");
}

TEST_CASE("supervision: a pool without actors and a policy without time are refused") {
  CHECK_THROWS_WITH_AS(supervision(0, {}, 7), "a worker pool needs at least 1 actor, not 0",
                       std::invalid_argument);
  CHECK_THROWS_AS(supervision(1, {.within = 0s}, 7), std::invalid_argument);
  CHECK_THROWS_AS(supervision(1, {.first_delay = 0s}, 7), std::invalid_argument);
  CHECK_THROWS_AS(supervision(1, {.longest_delay = -1s}, 7), std::invalid_argument);
}

TEST_CASE("supervision: in random time every actor that ended is due once, until it gives up") {
  auto seed = test_seed();
  INFO("PATIO_TEST_SEED=" << seed);
  std::mt19937_64 random{seed};
  for (int round = 0; round < 300; ++round) {
    constexpr std::size_t actors = 5;
    supervision s{actors, {.max_restarts = 1 + random() % 30, .within = 5s}, random()};
    std::array<bool, actors> is_down{};
    auto now = start;
    for (int step = 0; step < 200 && !s.has_given_up(); ++step) {
      now += std::chrono::milliseconds{random() % 500};
      while (auto due = s.take_due(now)) {
        REQUIRE(std::exchange(is_down[*due], false));
        if (random() % 2 == 0) s.answered(*due);
      }
      if (auto one = random() % actors; !std::exchange(is_down[one], true)) s.ended(one, now);
    }
    if (!s.has_given_up())
      while (auto due = s.take_due(never - 1ns)) is_down[*due] = false;
    if (!s.has_given_up()) CHECK(std::ranges::find(is_down, true) == is_down.end());
  }
}
