#include <doctest/doctest.h>

#include <vector>

#include <patio/actors/caf/ticker.hpp>

namespace {

/// Records the ticks that a ticker schedules.
struct recorder {
  std::vector<std::int64_t> numbers;
  void delayed_send(recorder*, patio::instant, patio::tick_atom, std::int64_t number) {
    numbers.push_back(number);
  }
};

} // namespace

TEST_CASE("ticker: a deadline that has passed does not postpone its tick with each message") {
  recorder self;
  patio::ticker ticks;
  auto passed = patio::clock_now() - std::chrono::milliseconds{5};
  for (int i = 0; i < 100; ++i) ticks.arm(&self, passed);
  REQUIRE(self.numbers.size() == 1);
  CHECK(ticks.fired(self.numbers[0]));
  ticks.arm(&self, passed);
  CHECK(self.numbers.size() == 2);
}

TEST_CASE("ticker: an earlier deadline replaces the tick, and the replaced tick is ignored") {
  recorder self;
  patio::ticker ticks;
  ticks.arm(&self, patio::never); // nothing is due
  ticks.arm(&self, patio::clock_now() + std::chrono::milliseconds{400});
  ticks.arm(&self, patio::clock_now() + std::chrono::milliseconds{50});
  ticks.arm(&self, patio::clock_now() + std::chrono::milliseconds{450});
  REQUIRE(self.numbers.size() == 2);
  CHECK_FALSE(ticks.fired(self.numbers[0]));
  CHECK(ticks.fired(self.numbers[1]));
}
