#include <patio/base/serial_table.hpp>

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <random>

#include "seed.hpp"

using patio::serial_table;

TEST_CASE("serial_table: serials count up from 1") {
  serial_table<int> table;
  CHECK(table.insert(10) == 1);
  CHECK(table.draw() == 2);
  CHECK(table.insert(30) == 3);
  CHECK(*table.find(1) == 10);
  CHECK(table.find(2) == nullptr);
  CHECK(*table.find(3) == 30);
  CHECK(table.size() == 2);
}

TEST_CASE("serial_table: an item can be taken once") {
  serial_table<std::unique_ptr<int>> table;
  auto serial = table.insert(std::make_unique<int>(7));
  CHECK(**table.take(serial) == 7);
  CHECK_FALSE(table.take(serial));
  CHECK(table.find(serial) == nullptr);
  CHECK(table.size() == 0);
}

TEST_CASE("serial_table: 0 is never drawn or found, also at the wrap-around") {
  serial_table<int> table{0xfffffffe};
  CHECK(table.insert(1) == 0xffffffff);
  CHECK(table.insert(2) == 1);
  CHECK(*table.find(0xffffffff) == 1);
  CHECK(table.find(0) == nullptr);
  CHECK_FALSE(table.take(0));
  serial_table<int> drawing{0xffffffff};
  CHECK(drawing.draw() == 1);
}

TEST_CASE("serial_table: a serial in use is skipped when the count reaches it again") {
  serial_table<int> table{0xfffffffd};
  auto old = table.insert(1);
  REQUIRE(old == 0xfffffffe);
  serial_table<int> round{3};
  auto kept = round.insert(5);
  for (int i = 0; i < 100'000; ++i) {
    auto serial = round.insert(i);
    REQUIRE(serial != kept);
    REQUIRE(round.take(serial) == i);
  }
  CHECK(*round.find(kept) == 5);
  CHECK(round.size() == 1);
}

TEST_CASE("serial_table: drain visits each item once, and the table still works") {
  serial_table<int> table;
  for (int i = 0; i < 1000; ++i) (void)table.insert(i);
  std::map<std::uint32_t, int> seen;
  std::uint32_t from_within = 0;
  table.drain([&](std::uint32_t serial, int item) {
    seen.emplace(serial, item);
    if (serial == 500) from_within = table.insert(-1);
  });
  CHECK(seen.size() == 1000);
  CHECK(seen[1] == 0);
  CHECK(from_within == 1001);
  CHECK(*table.find(from_within) == -1);
  CHECK(table.size() == 1);
}

TEST_CASE("serial_table: agrees with a map over random inserts and takes across the wrap-around") {
  auto seed = test_seed();
  INFO("PATIO_TEST_SEED=" << seed);
  std::mt19937_64 random{seed};
  serial_table<std::uint64_t> table{static_cast<std::uint32_t>(0 - random() % 50'000)};
  std::map<std::uint32_t, std::uint64_t> model;
  for (int i = 0; i < 200'000; ++i) {
    if (random() % 100 < (i / 10'000 % 2 == 0 ? 70U : 30U)) {
      auto item = random();
      auto serial = table.insert(item);
      REQUIRE(serial != 0);
      REQUIRE(model.emplace(serial, item).second);
    } else if (!model.empty()) {
      auto at = model.lower_bound(static_cast<std::uint32_t>(random()));
      if (at == model.end()) at = model.begin();
      REQUIRE(table.take(at->first) == at->second);
      model.erase(at);
    }
    auto any = static_cast<std::uint32_t>(random());
    REQUIRE((table.find(any) != nullptr) == model.contains(any));
  }
  REQUIRE(table.size() == model.size());
  for (auto& [serial, item] : model) REQUIRE(table.take(serial) == item);
  CHECK(table.size() == 0);
}
