#include <patio/base/time.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>
#include <set>

#include <patio/protocol/timeout.hpp>
#include <patio/value/integer.hpp>

#include "seed.hpp"

using namespace std::chrono_literals;
using patio::deadline_heap;
using patio::deadline_of;
using patio::instant;
using patio::integer;
using patio::never;
using patio::seconds_left;
using patio::value;

namespace {

constexpr instant now = 1000s;
constexpr double infinity = std::numeric_limits<double>::infinity();

instant due(const value& timeout) { return deadline_of(timeout, now, 24h).value(); }

std::string refusal(const value& timeout) {
  auto r = deadline_of(timeout, now, 24h);
  return r ? "" : to_string(r.error());
}

} // namespace

TEST_CASE("deadline_of: None and infinity mean never, other numbers count from now") {
  CHECK(due({}) == never);
  CHECK(due(infinity) == never);
  CHECK(due(2) == now + 2s);
  CHECK(due(0.25) == now + 250ms);
  CHECK(due(0.3) == now + 300ms);
  CHECK(due(true) == now + 1s);
  CHECK(due(1e-9) == now + 1ns);
}

TEST_CASE("deadline_of: zero and less mean now, and too much is cut to the longest") {
  for (const auto& passed : {value{0}, value{-0.0}, value{-1}, value{-0.5}, value{false},
                             value{-infinity}, value{-1e308}, value{integer{-2}.pow(71)}})
    CHECK(due(passed) == now);
  for (const auto& huge :
       {value{86'401}, value{1e308}, value{integer{2}.pow(70)}, value{integer{10}.pow(400)},
        value{std::numeric_limits<std::int64_t>::max()}})
    CHECK(due(huge) == now + 24h);
  CHECK(due(86'400) == now + 24h);
}

TEST_CASE("deadline_of: anything but a number of seconds is refused, with Python's exceptions") {
  CHECK(refusal(std::nan("")) == "ValueError: timeout must be a number of seconds, not NaN");
  CHECK(refusal("1") == "TypeError: timeout must be a number of seconds or None, not str");
  CHECK(refusal(std::complex{1.0, 0.0})
        == "TypeError: timeout must be a number of seconds or None, not complex");
  CHECK(refusal(value::list({1}))
        == "TypeError: timeout must be a number of seconds or None, not list");
}

TEST_CASE("deadline_of: the longest possible duration does not overflow") {
  CHECK(deadline_of(value{1e300}, now, instant::max()).value() == never);
  CHECK(deadline_of(value{integer{2}.pow(80)}, now, instant::max()).value() == never);
  CHECK(deadline_of(value{1}, now, instant::max()).value() == now + 1s);
}

TEST_CASE("seconds_left: returns an int for whole seconds, else a float, and None for never") {
  CHECK(identical(seconds_left(never, now), value{}));
  CHECK(identical(seconds_left(now + 3s, now), value{3}));
  CHECK(identical(seconds_left(now + 1500ms, now), value{1.5}));
  CHECK(identical(seconds_left(now, now), value{0}));
  CHECK(identical(seconds_left(now - 5s, now), value{0}));
}

TEST_CASE("deadline_heap: returns keys in the order of their times, and no key early") {
  auto seed = test_seed();
  INFO("PATIO_TEST_SEED=" << seed);
  std::mt19937_64 random{seed};
  deadline_heap<int> heap;
  std::multiset<std::pair<instant, int>> model;
  instant time{0};
  for (int i = 0; i < 20'000; ++i) {
    if (random() % 3 != 0) {
      auto at = time + instant{static_cast<std::int64_t>(random() % 1000)};
      heap.push(at, i);
      model.emplace(at, i);
    } else {
      time += instant{static_cast<std::int64_t>(random() % 300)};
    }
    REQUIRE(heap.next() == (model.empty() ? never : model.begin()->first));
    while (auto key = heap.pop_due(time)) {
      auto first = model.begin()->first;
      REQUIRE(first <= time);
      REQUIRE(model.erase({first, *key}) == 1);
    }
    REQUIRE((model.empty() || model.begin()->first > time));
  }
  CHECK(heap.size() == model.size());
}

TEST_CASE("deadline_heap: is empty until the first push, even at the end of time") {
  deadline_heap<int> heap;
  CHECK(heap.next() == never);
  CHECK_FALSE(heap.pop_due(never));
  heap.push(5ns, 1);
  CHECK_FALSE(heap.pop_due(4ns));
  CHECK(heap.pop_due(5ns) == 1);
}

TEST_CASE("deadline_heap: settled keys do not accumulate, and live keys stay") {
  deadline_heap<int> heap;
  std::set<int> live;
  std::size_t longest = 0;
  for (int i = 0; i < 100'000; ++i) {
    heap.push(now + 24h, i);
    if (i % 1000 == 0) live.insert(i);
    else heap.settled([&](int key) { return live.contains(key); });
    longest = std::max(longest, heap.size());
  }
  CHECK(longest < 500);
  std::size_t found = 0;
  while (auto key = heap.pop_due(never - 1ns)) found += live.contains(*key);
  CHECK(found == live.size());
}
