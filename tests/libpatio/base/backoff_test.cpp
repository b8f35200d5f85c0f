#include <patio/base/backoff.hpp>

#include <doctest/doctest.h>

#include <map>

#include "seed.hpp"

using namespace std::chrono_literals;
using patio::backoff;

TEST_CASE(
  "backoff: the delay is between half of the bound and the bound, which doubles to the longest") {
  auto seed = test_seed();
  INFO("PATIO_TEST_SEED=" << seed);
  backoff b{{.first_delay = 100ms, .longest_delay = 30s, .refused_delay = 5s}, seed};
  std::chrono::nanoseconds bound = 100ms;
  for (int i = 0; i < 100; ++i) {
    auto wait = b.failed();
    REQUIRE(wait >= bound / 2);
    REQUIRE(wait <= bound);
    bound = std::min<std::chrono::nanoseconds>(bound * 2, 30s);
  }
}

TEST_CASE("backoff: a success resets the bound, and a refused login waits longer") {
  backoff b;
  for (int i = 0; i < 20; ++i) (void)b.failed();
  CHECK(b.failed() >= 15s);
  b.succeeded();
  CHECK(b.failed() <= 100ms);
  b.succeeded();
  auto refused = b.failed(true);
  CHECK(refused >= 5s);
  CHECK(refused <= 10s);
}

TEST_CASE("backoff: dials that were refused together do not come back together") {
  std::map<std::chrono::seconds, int> dials; // by the second in which they come back
  for (std::uint64_t seed = 0; seed < 1000; ++seed)
    ++dials[std::chrono::floor<std::chrono::seconds>(backoff{{}, seed}.failed(true))];
  CHECK(dials.size() == 5);
  for (auto [second, count] : dials) CHECK(count < 300);
}

TEST_CASE("backoff: two nodes with different seeds do not dial in step") {
  backoff a{{}, 1}, b{{}, 2};
  int equal = 0;
  for (int i = 0; i < 20; ++i) equal += a.failed() == b.failed();
  CHECK(equal == 0);
}

TEST_CASE("backoff: a backoff is small, because every connection has one") {
  CHECK(sizeof(backoff) <= 64);
}
