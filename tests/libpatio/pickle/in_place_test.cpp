// Pickles that are written into memory of the caller.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <patio/pickle/in_place.hpp>
#include <patio/value/standard_types.hpp>

using namespace patio;

namespace {

const std::vector<value> samples{
  value{},
  7,
  "text",
  value::bytes(std::string(100'000, 'x')),
  value::list({std::string(70'000, 'a'), value::tuple({1, 2}), std::string(70'000, 'b')}),
  value::dict({{"key", value::list(std::vector<value>(3'000, value{1.5}))}}),
  value::exception("builtins.ValueError", {"why"}),
};

} // namespace

TEST_CASE("write_pickle_in_place: the bytes are those of write_pickle, in memory that just fits") {
  for (const auto& v : samples) {
    std::string expected;
    REQUIRE(write_pickle(v, expected));
    std::string memory(expected.size() + 100, '\xee');
    for (auto spare : {std::size_t{100}, std::size_t{9}, std::size_t{0}}) {
      auto size = write_pickle_in_place(v, {memory.data(), expected.size() + spare});
      REQUIRE(size);
      CHECK(memory.substr(0, *size) == expected);
    }
  }
}

TEST_CASE(
  "write_pickle_in_place: memory that is too small is not exceeded, and the error says so") {
  for (const auto& v : samples) {
    std::string expected;
    REQUIRE(write_pickle(v, expected));
    for (std::size_t lacking : {std::size_t{1}, expected.size() / 2, expected.size()}) {
      auto size = expected.size() - std::min(lacking, expected.size());
      std::string memory(size + 16, '\xee');
      auto written = write_pickle_in_place(v, {memory.data(), size});
      REQUIRE_FALSE(written);
      CHECK(written.error().exceeded == limit::frame_bytes);
      CHECK(memory.substr(size) == std::string(16, '\xee'));
    }
  }
}

TEST_CASE("write_pickle_in_place: a value that cannot be pickled fails as in write_pickle") {
  auto bad = value::list({std::string(1'000, '\xff')});
  std::string out, memory(5'000, '\0');
  auto expected = write_pickle(bad, out);
  auto written = write_pickle_in_place(bad, memory);
  REQUIRE_FALSE(written);
  CHECK(written.error().message == expected.error().message);
}

TEST_CASE("write_call_request_in_place: the bytes are those of write_call_request") {
  call_request call{"echo", {{samples[3], samples[4]}, {{"name", samples[5]}}}, 2.5};
  std::string expected;
  REQUIRE(write_call_request(call, expected));
  std::string memory(expected.size() + 9, '\0');
  auto size = write_call_request_in_place(call, memory);
  REQUIRE(size);
  CHECK(memory.substr(0, *size) == expected);
  auto too_small = write_call_request_in_place(call, {memory.data(), expected.size() - 1});
  REQUIRE_FALSE(too_small);
  CHECK(too_small.error().exceeded == limit::frame_bytes);
}
