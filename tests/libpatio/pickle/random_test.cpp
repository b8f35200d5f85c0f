#include <doctest/doctest.h>

#include <random>

#include <patio/value/integer.hpp>

#include "pickle/testing.hpp"
#include "seed.hpp"

using patio::value;

namespace {

// Makes values of every kind with shared parts.
class random_values {
public:
  explicit random_values(std::uint64_t seed) : source_{seed} {}

  std::size_t below(std::size_t n) { return source_() % n; }

  value any(int depth) {
    if (!made_.empty() && below(8) == 0) return made_[below(made_.size())];
    auto v = depth > 0 && below(3) != 0 ? container(depth) : leaf();
    made_.push_back(v);
    return v;
  }

private:
  std::vector<value> items(int depth) {
    std::vector<value> items(below(5));
    for (auto& item : items) item = any(depth - 1);
    return items;
  }

  value key() {
    auto v = leaf();
    return v.kind() == patio::kind::bytearray ? value{} : v;
  }

  value container(int depth) {
    std::vector<value> keys(below(12));
    for (auto& k : keys) k = key();
    switch (below(7)) {
    case 0: return value::tuple(items(depth));
    case 1: return value::set(keys);
    case 2: return value::frozenset(keys);
    case 3: return value::exception("builtins.ValueError", items(depth), items(1));
    case 4: return value::list(items(depth));
    default: {
      std::vector<patio::dict_entry> entries;
      for (const auto& k : keys) entries.emplace_back(k, any(depth - 1));
      return value::dict(entries);
    }
    }
  }

  value leaf() {
    switch (below(8)) {
    case 0: return {};
    case 1: return below(2) == 0;
    case 2: return static_cast<std::int64_t>(source_() >> below(64)) * (below(2) == 0 ? 1 : -1);
    case 3:
      return (patio::integer{2}.pow(below(300))
              - patio::integer{static_cast<std::int64_t>(below(1000))});
    case 4: return static_cast<double>(source_()) / 3;
    case 5: return std::string(below(40), static_cast<char>('a' + below(26)));
    case 6: return value::bytes(std::string(below(300), static_cast<char>(below(256))));
    default:
      return below(2) == 0 ? value::bytearray("abc")
                           : value{std::complex{1.5, static_cast<double>(below(9))}};
    }
  }

  std::mt19937_64 source_;
  std::vector<value> made_;
};

} // namespace

TEST_CASE("pickle: random values are identical after writing and reading") {
  auto seed = test_seed();
  CAPTURE(seed);
  random_values random{seed};
  for (int i = 0; i < 2000; ++i) {
    auto v = random.any(4);
    if (v.depth() > 100) continue;
    auto pickle = written(v);
    auto back = patio::read_pickle(pickle);
    REQUIRE_MESSAGE(back, back.error().message);
    REQUIRE(identical(*back, v));
    REQUIRE(written(*back) == pickle);
  }
}

TEST_CASE("pickle: random damage is refused or gives a value that can be written") {
  auto seed = test_seed();
  CAPTURE(seed);
  random_values random{seed};
  std::size_t refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    auto pickle = written(random.any(3));
    for (std::size_t changes = 1 + random.below(3); changes > 0; --changes)
      pickle[random.below(pickle.size())] = static_cast<char>(random.below(256));
    auto v = patio::read_pickle(pickle, {}, patio::unknown_class::as_exception);
    if (v) CHECK_FALSE(written(*v).starts_with("refused"));
    else ++refused;
    (void)patio::read_call_request(pickle);
  }
  CHECK(refused > 5000);
}

TEST_CASE("pickle: random opcodes neither crash nor make a value that cannot be written") {
  auto seed = test_seed();
  CAPTURE(seed);
  random_values random{seed};
  constexpr std::string_view opcodes =
    "(.012FIJKLMNRSTUVXabcd}eghjl]opqrst)"
    "uGBC\x81\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8f\x90\x91\x93\x94";
  for (int i = 0; i < 100'000; ++i) {
    std::string pickle;
    for (std::size_t n = random.below(30); n > 0; --n) {
      pickle += opcodes[random.below(opcodes.size())];
      if (random.below(3) == 0) pickle += static_cast<char>(random.below(4));
    }
    auto v = patio::read_pickle(pickle + ".", {}, patio::unknown_class::as_exception);
    if (v) CHECK_FALSE(written(*v).starts_with("refused"));
  }
}
