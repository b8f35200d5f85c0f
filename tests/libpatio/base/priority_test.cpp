#include <patio/base/priority_queue.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <string>

#include "seed.hpp"

using namespace patio;

namespace {

using queue = priority_queue<int, int>;

/// Returns the next turns as letters: h, n and l.
std::string turns(priority_turns& t, std::array<bool, priority_count> waiting, std::size_t count) {
  std::string order;
  for (; count > 0; --count) order += "hnl"[static_cast<std::size_t>(t.next(waiting))];
  return order;
}

std::vector<int> drain(queue& q) {
  std::vector<int> order;
  while (auto next = q.pop()) order.push_back(*next);
  return order;
}

} // namespace

TEST_CASE("priority_turns: the highest priority that waits goes first") {
  priority_turns t;
  CHECK(turns(t, {true, true, true}, 3) == "hhh");
  priority_turns without_high;
  CHECK(turns(without_high, {false, true, true}, 3) == "nnn");
  CHECK(turns(without_high, {false, false, true}, 3) == "lll");
}

TEST_CASE("priority_turns: a lower priority gets a turn after max_passes turns of others") {
  priority_turns normal;
  CHECK(turns(normal, {true, true, false}, 11) == "hhhhnhhhhnh");
  priority_turns low;
  CHECK(turns(low, {true, false, true}, 18) == std::string(16, 'h') + "lh");
  priority_turns below_normal;
  CHECK(turns(below_normal, {false, true, true}, 18) == std::string(16, 'n') + "ln");
}

TEST_CASE("priority_turns: under full load every priority keeps its share") {
  priority_turns t;
  auto order = turns(t, {true, true, true}, 17 * 40);
  CHECK(std::ranges::count(order, 'l') == 40);
  CHECK(std::ranges::count(order, 'n') >= 17 * 40 / 6);
  CHECK(std::ranges::count(order, 'h') > 17 * 40 / 2);
}

TEST_CASE("priority_turns: time in which no item of a priority waits does not count") {
  priority_turns t;
  CHECK(turns(t, {true, true, false}, 3) == "hhh");
  CHECK(turns(t, {true, false, false}, 10) == "hhhhhhhhhh");
  CHECK(turns(t, {true, true, false}, 5) == "hhhhn");
}

TEST_CASE("priority_turns: in random load an item waits for at most as many turns as its bound") {
  auto seed = test_seed();
  INFO("PATIO_TEST_SEED=" << seed);
  std::mt19937_64 random{seed};
  priority_turns t;
  std::array<std::size_t, priority_count> waited{}; // turns of others since the last own turn
  std::array<bool, priority_count> waiting{};
  for (int i = 0; i < 100'000; ++i) {
    for (std::size_t p = 0; p < priority_count; ++p)
      if (!waiting[p]) waiting[p] = random() % 3 == 0;
    if (std::ranges::find(waiting, true) == waiting.end()) continue;
    auto chosen = static_cast<std::size_t>(t.next(waiting));
    REQUIRE(waiting[chosen]);
    for (std::size_t p = 0; p < priority_count; ++p) {
      waited[p] = p == chosen || !waiting[p] ? 0 : waited[p] + 1;
      if (p > 0) REQUIRE(waited[p] <= priority_turns::max_passes[p] + 1);
    }
    if (random() % 2 == 0) waiting[chosen] = false; // its last item
  }
}

TEST_CASE("priority_queue: high items pass others, and within a priority the owners take turns") {
  queue q;
  for (int i = 0; i < 3; ++i) q.push(i, 1, priority::normal);
  q.push(10, 2, priority::normal);
  q.push(20, 2, priority::low);
  q.push(30, 1, priority::high);
  CHECK(q.size() == 6);
  CHECK(drain(q) == std::vector{30, 0, 10, 1, 2, 20});
  CHECK(q.empty());
}

TEST_CASE("priority_queue: a full queue evicts from the owner with the most items, lowest priority "
          "first") {
  queue q;
  q.push(1, 1, priority::low);
  q.push(2, 1, priority::high);
  q.push(3, 1, priority::low);
  q.push(4, 2, priority::low);
  CHECK(q.evict_for(3, priority::low) == 3);
  CHECK(q.evict_for(3, priority::low) == 1);
  CHECK_FALSE(q.evict_for(3, priority::low)); // no owner has two items more
  CHECK(drain(q) == std::vector{2, 4});
}

TEST_CASE("priority_queue: a full queue evicts an owner's own item only for a higher priority") {
  queue q;
  q.push(1, 1, priority::normal);
  q.push(2, 1, priority::high);
  CHECK_FALSE(q.evict_for(1, priority::low));
  CHECK_FALSE(q.evict_for(1, priority::normal));
  CHECK(q.evict_for(1, priority::high) == 1);
  CHECK_FALSE(q.evict_for(1, priority::high));
  CHECK(drain(q) == std::vector{2});
}

TEST_CASE("priority_queue: an owner whose last item is evicted loses its turn") {
  queue q;
  q.push(1, 1, priority::low);
  q.push(2, 2, priority::low);
  CHECK(q.evict_for(1, priority::high) == 1);
  q.push(3, 1, priority::low);
  CHECK(drain(q) == std::vector{2, 3});
}

TEST_CASE("priority_queue: removed items leave the rest in order") {
  queue q;
  for (int i = 0; i < 9; ++i) q.push(i, i % 2, static_cast<priority>(i % 3));
  CHECK(q.remove_if([](int i) { return i % 3 == 1; }) == std::vector{4, 1, 7});
  CHECK(q.size() == 6);
  CHECK(q.remove_all() == std::vector{0, 6, 3, 2, 8, 5});
  CHECK(q.empty());
}
