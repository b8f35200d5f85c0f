#include <patio/base/time_share.hpp>

#include <doctest/doctest.h>

using patio::instant, patio::time_share;
using namespace std::chrono_literals;

TEST_CASE(
  "time_share: a newcomer has spent it, and has some again as soon as it lets others go first") {
  time_share s{1s};
  CHECK(s.is_spent(1s));
  CHECK_FALSE(s.is_spent(1s + 1ms));
}

TEST_CASE("time_share: many small turns leave it unspent, and one after the other without a pause "
          "spend it") {
  time_share s{0s};
  instant now = 1s;
  for (int i = 0; i < 10'000; ++i) {
    s.took(20us, now += 2ms); // one in a hundred
    REQUIRE_FALSE(s.is_spent(now));
  }
  for (int i = 0; i < 100; ++i) s.took(20us, now += 20us);
  CHECK(s.is_spent(now));
}

TEST_CASE("time_share: what was taken is paid back in fifty times the time, and a second is enough "
          "for whatever it was") {
  time_share s{0s};
  s.took(5ms, 1s);
  CHECK(s.is_spent(1s + 199ms));
  CHECK_FALSE(s.is_spent(1s + 201ms));
  s.took(1h, 10s);
  CHECK(s.is_spent(10s + 949ms));
  CHECK_FALSE(s.is_spent(10s + 951ms));
  s.took(900us, 100s); // an hour of waiting would count for nothing more
  CHECK_FALSE(s.is_spent(100s));
  s.took(200us, 100s);
  CHECK(s.is_spent(100s));
}

TEST_CASE("time_share: a clock that stands still or a turn of no length is no trouble") {
  time_share s{1s};
  s.took(-1ns, 1s);
  CHECK(s.is_spent(1s));
}
