#include <doctest/doctest.h>

#include <limits>
#include <random>

#include <patio/pickle/reader.hpp>

#include "pickle/testing.hpp"
#include "seed.hpp"

using namespace std::string_literals;
using patio::pickle_limits;
using patio::value;
using patio::pickle::shortcuts;

namespace {

patio::result<value> read_by(shortcuts ways, std::string_view pickle, const pickle_limits& limits,
                             std::size_t& memory) {
  static const patio::python_types none;
  patio::pickle::reader reader{pickle, limits, patio::unknown_class::refuse, none};
  auto v = reader.read_value(ways);
  memory = reader.memory();
  return v;
}

/// Checks that the reader gives the same value, refusal and cost with and without shortcuts.
/// Returns whether the pickle is accepted.
bool agrees(std::string_view pickle, const pickle_limits& limits = {}) {
  std::size_t memory = 0, stepped_memory = 0;
  auto v = read_by(shortcuts::taken, pickle, limits, memory);
  auto stepped = read_by(shortcuts::stepped_through, pickle, limits, stepped_memory);
  CAPTURE(to_hex(pickle));
  REQUIRE(v.has_value() == stepped.has_value());
  CHECK(memory == stepped_memory);
  if (v) CHECK(identical(*v, *stepped));
  else CHECK(v.error().message == stepped.error().message);
  return v.has_value();
}

value any_scalar(std::mt19937_64& random) {
  switch (random() % 8) {
  case 0: return {};
  case 1: return random() % 2 == 0;
  case 2: return static_cast<std::int64_t>(random() % 70'000);
  case 3: return static_cast<std::int64_t>(random());
  case 4: return std::numeric_limits<double>::quiet_NaN();
  case 5: return "key" + std::to_string(random() % 20);
  case 6: return std::string(random() % 300, static_cast<char>('a' + random() % 3));
  default: return value{"\u00e9"};
  }
}

value any_bulk(std::mt19937_64& random, unsigned levels) {
  std::vector<value> items;
  std::vector<patio::dict_entry> entries;
  auto shared = any_scalar(random);
  for (auto n = random() % 12; n > 0; --n)
    items.push_back(levels > 0 && random() % 3 == 0 ? any_bulk(random, levels - 1)
                    : random() % 4 == 0             ? shared
                                                    : any_scalar(random));
  for (std::size_t i = 0; i < items.size(); ++i)
    entries.emplace_back("name of an entry " + std::to_string(i), items[i]);
  switch (random() % 3) {
  case 0: return value::list(std::move(items));
  case 1: return value::tuple(std::move(items));
  default: return value::dict(std::move(entries));
  }
}

} // namespace

TEST_CASE(
  "pickle::scalar_run: random pickles, whole, truncated and changed, read the same with and "
  "without shortcuts") {
  auto seed = test_seed();
  INFO("PATIO_TEST_SEED=", seed);
  std::mt19937_64 random{seed};
  for (int round = 0; round < 300; ++round) {
    auto pickle = written(any_bulk(random, 3));
    CHECK(agrees(pickle));
    agrees(std::string_view{pickle}.substr(0, random() % pickle.size()));
    for (int change = 0; change < 5; ++change) {
      auto changed = pickle;
      changed[random() % changed.size()] = static_cast<char>(random());
      agrees(changed);
    }
  }
}

TEST_CASE(
  "pickle::scalar_run: each limit is exceeded at the same opcode with and without shortcuts") {
  std::mt19937_64 random{7};
  auto pickle = written(any_bulk(random, 3));
  for (auto field : {&pickle_limits::nodes, &pickle_limits::memory_bytes,
                     &pickle_limits::memo_entries, &pickle_limits::bytes}) {
    pickle_limits limits;
    limits.*field = 0;
    std::size_t step = field == &pickle_limits::memory_bytes ? 16 : 1;
    while (!agrees(pickle, limits)) limits.*field += step;
  }
}

TEST_CASE("pickle: a text of a large pickle outlives the other texts") {
  std::vector<value> texts;
  for (int i = 0; i < 500; ++i)
    texts.emplace_back("a text that is not inline " + std::to_string(i));
  auto v = patio::read_pickle(written(value::list(texts)));
  REQUIRE(v);
  std::vector<value> kept;
  for (std::size_t i = 0; i < 500; i += 7) kept.push_back(v->items()[i]);
  *v = value{};
  for (std::size_t i = 0; i < kept.size(); ++i) CHECK(kept[i].text() == texts[7 * i].text());
}

TEST_CASE("value: dicts and sets of 0 to 20 keys of mixed kinds find each key and keep one of two "
          "equal keys") {
  std::vector<value> keys;
  std::vector<patio::dict_entry> entries;
  for (int i = 0; i < 20; ++i) {
    CHECK(value::dict(entries).find(i) == nullptr);
    keys.push_back(i % 3 == 0   ? value{i}
                   : i % 3 == 1 ? value{"a longer key " + std::to_string(i)}
                                : value::tuple({i, "x"}));
    entries.emplace_back(keys.back(), i);
    auto dict = value::dict(entries);
    auto set = value::set(keys);
    for (const auto& [key, mapped] : entries) {
      REQUIRE(dict.find(key));
      CHECK(*dict.find(key) == mapped);
      CHECK(set.contains(key));
    }
    CHECK(dict.find(0.0));
    CHECK(dict.find(false));
    CHECK_FALSE(dict.find("a longer key"));
    CHECK_FALSE(set.contains(value::bytes("a longer key 1")));
  }
  entries.emplace_back(0.0, "last");
  CHECK(value::dict(entries).entries().size() == 20);
  CHECK(*value::dict(entries).find(0) == value{"last"});
}

TEST_CASE("pickle: a value that occurs twice is written once, and stays one object") {
  value text{"a text that is not inline"}, copy{"a text that is not inline"};
  auto twice = written(value::list({text, text})), alike = written(value::list({text, copy}));
  CHECK(twice.size() < alike.size());
  auto both = patio::read_pickle(twice);
  REQUIRE(both);
  CHECK(both->items()[0].identity() == both->items()[1].identity());
  auto inner = value::list({text});
  auto shared = patio::read_pickle(written(value::tuple({inner, inner, text})));
  REQUIRE(shared);
  CHECK(shared->items()[0].identity() == shared->items()[1].identity());
}
