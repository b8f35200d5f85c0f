#include <patio/base/time_share.hpp>

#include <doctest/doctest.h>

using patio::instant, patio::time_share;
using namespace std::chrono_literals;

TEST_CASE("time_share: a new share is spent, and recovers after a short wait") {
  time_share s{1s};
  CHECK(s.is_spent(1s));
  CHECK_FALSE(s.is_spent(1s + 1ms));
}

TEST_CASE(
  "time_share: small turns with pauses do not spend the share, and turns without pauses do") {
  time_share s{0s};
  instant now = 1s;
  for (int i = 0; i < 10'000; ++i) {
    s.took(20us, now += 2ms); // one percent of the time
    REQUIRE_FALSE(s.is_spent(now));
  }
  for (int i = 0; i < 100; ++i) s.took(20us, now += 20us);
  CHECK(s.is_spent(now));
}

TEST_CASE("time_share: a debt is repaid after fifty times its time, and after a second at most") {
  time_share s{0s};
  s.took(5ms, 1s);
  CHECK(s.is_spent(1s + 199ms));
  CHECK_FALSE(s.is_spent(1s + 201ms));
  s.took(1h, 10s);
  CHECK(s.is_spent(10s + 949ms));
  CHECK_FALSE(s.is_spent(10s + 951ms));
  s.took(900us, 100s); // a long wait earns no more than the allowance
  CHECK_FALSE(s.is_spent(100s));
  s.took(200us, 100s);
  CHECK(s.is_spent(100s));
}

TEST_CASE("time_share: a clock that stands still and a turn without length do no harm") {
  time_share s{1s};
  s.took(-1ns, 1s);
  CHECK(s.is_spent(1s));
}
