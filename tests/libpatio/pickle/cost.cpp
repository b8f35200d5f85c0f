// Hostile pickles cost little processor time and little memory. This program's operator new counts
// the peak. It is a separate program, so that other tests do not use that operator.
#include <doctest/doctest.h>

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <new>

#include <patio/value/integer.hpp>

#include "json_rows.hpp"
#include "pickle/testing.hpp"

using namespace std::string_literals;

namespace {

std::size_t held = 0, most_held = 0;

} // namespace

// GCC reports the two operators as a mismatched pair.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
void* operator new(std::size_t size) {
  void* p = std::malloc(size);
  if (!p) throw std::bad_alloc{};
  held += malloc_usable_size(p);
  most_held = std::max(most_held, held);
  return p;
}
void operator delete(void* p) noexcept {
  held -= malloc_usable_size(p);
  std::free(p);
}
void operator delete(void* p, std::size_t) noexcept { operator delete(p); }

namespace {

struct cost {
  double seconds;
  std::size_t bytes;
};

template <class Work>
cost cost_of(Work work) {
  auto before = held;
  most_held = held;
  auto started = std::clock();
  work();
  return {static_cast<double>(std::clock() - started) / CLOCKS_PER_SEC, most_held - before};
}

cost cost_of_reading(const std::string& pickle) {
  return cost_of([&] { (void)patio::read_pickle(pickle, {}, patio::unknown_class::as_exception); });
}

std::string times(std::size_t n, std::string_view part) {
  std::string all;
  for (std::size_t i = 0; i < n; ++i) all += part;
  return all;
}

constexpr std::size_t mebibyte = 1 << 20;
#ifdef NDEBUG
constexpr double time_limit = 0.05;
#else
constexpr double time_limit = 1;
#endif

} // namespace

TEST_CASE("pickle_cost: a pickle that must be refused costs a few times its size") {
  for (const auto& row : json_rows("reject.jsonl")) {
    auto pickle = from_hex(row["pickle"].get<std::string>());
    auto name = row["name"].get<std::string>();
    auto spent = cost_of_reading(pickle);
    CAPTURE(name);
    CHECK(spent.bytes <= 4 * pickle.size() + mebibyte);
    CHECK(spent.seconds < time_limit);
  }
}

TEST_CASE("pickle_cost: pickles that amplify their size stay within the budget") {
  auto shared = "(" + times(1000, "K\1") + "t\x94";
  auto laughs = "\x8c\3lol\x94"s;
  for (int i = 0; i < 9; ++i) laughs += "(" + times(10, "h"s + static_cast<char>(i)) + "t\x94";
  for (const auto& pickle : {
         "(" + times(mebibyte, "]"),
         "(" + times(mebibyte, "}"),
         "(" + times(mebibyte, "\x8f"),
         times(mebibyte, "("),
         "(N" + times(mebibyte, "2"),
         "N" + times(mebibyte, "\x94"),
         "(" + times(mebibyte, ")") + "t.",
         "}(" + times(mebibyte / 2, "NN") + "u.",
         "(" + times(16 * mebibyte, "]"),
         "(" + times(100'000, "]") + times(99'999, "a") + ".",
         ")" + times(mebibyte, "\x85") + ".",
         shared + times(100'000, "cbuiltins\nset\nh\0\x85R0"s),
         times(mebibyte, "Nr\xff\xff\xff\x7f"
                         "0"),
         laughs + ".",
         "}" + laughs + "Ns.",
         times(100'000, "cos\nsystem\n)R"),
         "L" + times(mebibyte, "9") + "\n.",
       }) {
    auto begins = to_hex(pickle.substr(0, 16));
    CAPTURE(begins);
    auto spent = cost_of_reading(pickle);
    CHECK(spent.bytes <= 128 * mebibyte);
    CHECK(spent.seconds < 8 * time_limit);
  }
}

TEST_CASE("pickle_cost: all memory of a pickle is freed") {
  auto before = held;
  (void)cost_of_reading(from_hex("80045d945d944b0161680161680061"));
  (void)cost_of_reading(times(1000, "}") + ".");
  CHECK(held == before);
}

TEST_CASE("pickle_cost: writing a value that is too long costs at most a few times the limit") {
  auto large =
    patio::value{patio::integer{2}.pow(65'000)}; // an integer is written again for each reference
  auto many = patio::value::list(std::vector<patio::value>(30'000, large));
  constexpr std::size_t longest = 16 * mebibyte;
  std::string out;
  auto c = cost_of([&] { CHECK_FALSE(patio::write_pickle(many, out, {}, longest)); });
  CHECK(c.bytes <= 4 * longest);
}
