#include <doctest/doctest.h>

#include <bit>
#include <limits>
#include <random>

#include <patio/pickle/plain.hpp>
#include <patio/pickle/reader.hpp>
#include <patio/pickle/writer.hpp>

#include "pickle/testing.hpp"
#include "seed.hpp"

using namespace std::string_literals;
using patio::call_request;
using patio::value;

namespace {

const value none;

const std::vector<call_request> plain_calls{
  {"mul", {{2, 3}, {}}, none},
  {"f", {{}, {}}, 0.5},
  {"f", {{none, true, false, 255, 256, 65'535, 65'536, -1}, {}}, 10},
  {"f",
   {{std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max(), -0.0,
     std::numeric_limits<double>::infinity()},
    {}},
   std::numeric_limits<double>::quiet_NaN()},
  {"echo", {{"a text", std::string(255, 'x'), ""}, {}}, none},
  {"f", {{}, {{"b", 2}}}, none},
  {"f", {{"x"}, {{"b", "y"}, {"", 1.5}, {"c", none}}}, 1},
  {"f", {{1}, {{"timeout_", 1}}}, none},
};

/// Reads a call with the stack machine only.
patio::result<call_request> stepped(std::string_view pickle, const patio::pickle_limits& limits,
                                    std::size_t& memory) {
  patio::pickle::reader reader{pickle, limits, patio::unknown_class::refuse, {}};
  auto call = reader.read_call(patio::pickle::shortcuts::stepped_through);
  memory = reader.memory();
  return call;
}

std::string stepped_bytes(const call_request& call) {
  std::string out;
  patio::python_types none_known;
  patio::pickle::writer writer{none_known, std::string::npos, patio::pickle_protocol::five};
  writer.save(call);
  REQUIRE(writer.finish(out));
  return out;
}

/// Reads a pickle with the fast path and with the stack machine, and checks that both agree.
/// Returns whether the fast path has accepted the pickle.
bool agrees(std::string_view pickle, const patio::pickle_limits& limits = {}) {
  call_request call;
  std::size_t plain_cost = 0, cost = 0;
  if (!patio::pickle::read_plain_call(pickle, limits, call, plain_cost)) return false;
  auto expected = stepped(pickle, limits, cost);
  CAPTURE(to_hex(pickle));
  REQUIRE(expected);
  CHECK(same_call(call, *expected));
  CHECK(plain_cost == cost);
  return true;
}

value any_value(std::mt19937_64& random) {
  switch (random() % 9) {
  case 0: return {};
  case 1: return random() % 2 == 0;
  case 2: return static_cast<std::int64_t>(random() % 70'000);
  case 3: return static_cast<std::int64_t>(random()); // seldom fits into 32 bits
  case 4: return static_cast<std::int32_t>(random());
  case 5: return std::bit_cast<double>(random());
  case 6: return std::string(random() % 300, static_cast<char>('a' + random() % 26));
  case 7: return random() % 2 == 0 ? value{"\u00e9"} : value{"args"};
  default: return value::list({1});
  }
}

call_request any_call(std::mt19937_64& random) {
  call_request call{
    random() % 9 == 0 ? "kwargs"s : "fun"s + static_cast<char>('a' + random() % 3), {}, {}};
  for (auto n = random() % 10; n > 0; --n) call.args.positional.push_back(any_value(random));
  for (auto n = random() % 10; n > 0 && random() % 2 == 0; --n)
    call.args.keywords.emplace_back("k" + std::to_string(n), any_value(random));
  call.timeout = any_value(random);
  return call;
}

} // namespace

TEST_CASE("pickle::plain: the fast path accepts ordinary calls, and agrees with the stack machine "
          "on bytes and cost") {
  for (const auto& call : plain_calls) {
    std::string written;
    CAPTURE(call.function);
    REQUIRE(patio::pickle::write_plain_call(call, std::string::npos, written));
    CHECK(to_hex(written) == to_hex(stepped_bytes(call)));
    CHECK(agrees(written));
  }
}

TEST_CASE(
  "pickle::plain: the fast path refuses calls with large values or other uses of the memo") {
  std::string out = "kept";
  for (const auto& call : std::vector<call_request>{
         {"func", {{}, {}}, none},
         {"f", {{"f"}, {}}, none},
         {"f", {{"x", "x"}, {}}, none},
         {"f", {{}, {{"k", "k"}}}, none},
         {"f", {{}, {{"timeout", 1}}}, none},
         {"f", {{"\u00e9"}, {}}, none},
         {"f", {{std::int64_t{1} << 31}, {}}, none},
         {"f", {{std::string(256, 'x')}, {}}, none},
         {"f", {{value::list({})}, {}}, none},
         {"f", {{1, 2, 3, 4, 5, 6, 7, 8, 9}, {}}, none},
       }) {
    CHECK_FALSE(patio::pickle::write_plain_call(call, std::string::npos, out));
    CHECK(out == "kept");
    call_request read;
    std::size_t memory = 0;
    CHECK_FALSE(patio::pickle::read_plain_call(stepped_bytes(call), {}, read, memory));
  }
}

TEST_CASE("pickle::plain: the fast path accepts a call up to its exact limits") {
  for (const auto& call : plain_calls) {
    auto pickle = stepped_bytes(call);
    std::string out;
    CHECK(patio::pickle::write_plain_call(call, pickle.size(), out));
    CHECK_FALSE(patio::pickle::write_plain_call(call, pickle.size() - 1, out));
    patio::pickle_limits limits;
    for (auto field : {&patio::pickle_limits::bytes, &patio::pickle_limits::nodes,
                       &patio::pickle_limits::memory_bytes, &patio::pickle_limits::memo_entries}) {
      auto tight = limits;
      std::size_t low = 0, high = 1 << 20; // the reader's exact need
      while (low < high) {
        std::size_t memory = 0;
        tight.*field = (low + high) / 2;
        if (stepped(pickle, tight, memory)) high = tight.*field;
        else low = tight.*field + 1;
      }
      tight.*field = low;
      CHECK(agrees(pickle, tight));
      tight.*field = low - 1;
      CHECK_FALSE(agrees(pickle, tight));
    }
  }
}

TEST_CASE("pickle::plain: truncated and changed calls are read alike by the fast path and the "
          "stack machine") {
  for (const auto& call : plain_calls) {
    auto pickle = stepped_bytes(call);
    for (std::size_t size = 0; size < pickle.size(); ++size)
      CHECK_FALSE(agrees(std::string_view{pickle}.substr(0, size)));
    for (std::size_t i = 0; i < pickle.size(); ++i) {
      for (int other = 0; other < 256; ++other) {
        auto changed = pickle;
        changed[i] = static_cast<char>(other);
        (void)agrees(changed);
      }
    }
    CHECK_FALSE(agrees(pickle + "x"));
  }
}

TEST_CASE("pickle::plain: the fast path refuses a value with a wrong frame length") {
  value v;
  CHECK(patio::pickle::read_plain_value("\x80\x05K\x0c."s, {}, v));
  CHECK(identical(v, value{12}));
  CHECK(patio::pickle::read_plain_value("\x80\x04\x95\4\0\0\0\0\0\0\0M\x0c\1."s, {}, v));
  CHECK(identical(v, value{268}));
  for (auto pickle :
       {"\x80\x05\x95\1\0\0\0\0\0\0\0M\x0c\1."s, "\x80\x05\x95\1\0\0\0\0\0\0\0\x80\x05K\x0c."s,
        "\x80\x03K\x0c."s, "\x80\x05K\x0c"s, "\x80\x05K\x0c.."s, "\x80\x05]\x94."s, ""s})
    CHECK_FALSE(patio::pickle::read_plain_value(pickle, {}, v));
}

TEST_CASE("pickle::plain: random calls and values are written and read alike by the fast path and "
          "the stack machine") {
  auto seed = test_seed();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  int plain = 0;
  for (int i = 0; i < 5'000; ++i) {
    auto call = any_call(random);
    std::string written;
    auto bytes = stepped_bytes(call);
    if (patio::pickle::write_plain_call(call, std::string::npos, written)) {
      CHECK(to_hex(written) == to_hex(bytes));
      CHECK(agrees(bytes));
      ++plain;
    }
    (void)agrees(bytes);
    auto v = any_value(random);
    written.clear();
    if (!patio::pickle::write_plain_value(v, std::string::npos, written)) continue;
    std::string expected;
    patio::python_types none_known;
    patio::pickle::writer writer{none_known, std::string::npos, patio::pickle_protocol::five};
    writer.save(v);
    REQUIRE(writer.finish(expected));
    CHECK(to_hex(written) == to_hex(expected));
    value back;
    REQUIRE(patio::pickle::read_plain_value(written, {}, back));
    CHECK(identical(back, v));
  }
  CHECK(plain > 100);
}
