#include <patio/base/time.hpp>

#include <doctest/doctest.h>

#include <random>
#include <set>

#include "seed.hpp"

using namespace std::chrono_literals;
using patio::deadline_heap;
using patio::instant;
using patio::never;

namespace {

constexpr instant now = 1000s;

} // namespace

TEST_CASE("deadline_heap: keys are returned in the order of their times, and no key early") {
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

TEST_CASE("deadline_heap: a new heap returns no key, even at the largest time") {
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
    else heap.settled(1);
    heap.purge([&](int key) { return live.contains(key); });
    longest = std::max(longest, heap.size());
  }
  CHECK(longest < 500);
  std::size_t found = 0;
  while (auto key = heap.pop_due(never - 1ns)) found += live.contains(*key);
  CHECK(found == live.size());
}
