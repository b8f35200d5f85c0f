#include <doctest/doctest.h>

#include <patio/pickle/pickle.hpp>

#include "hex.hpp"

using namespace patio;

namespace {

std::string four(const value& v) {
  std::string out;
  REQUIRE(write_pickle(v, out, {}, std::string::npos, pickle_protocol::four));
  auto back = read_pickle(out);
  REQUIRE(back);
  CHECK(identical(*back, v));
  return to_hex(out);
}

} // namespace

// The expected bytes are those of pickle.dumps(v, 4) in CPython 3.11.
TEST_CASE("pickle::writer: protocol 4 equals CPython's byte for byte") {
  CHECK(four({}) == "80044e2e");
  CHECK(four(value::tuple({1, "a"})) == "80049509000000000000004b018c01619486942e");
  CHECK(
    four(value::bytearray("ab"))
    == "80049523000000000000008c086275696c74696e73948c096279746561727261799493944302616294859452"
       "942e");
  CHECK(four(value::bytearray(""))
        == "8004951d000000000000008c086275696c74696e73948c096279746561727261799493942952942e");
  auto shared = value::bytearray("ab");
  CHECK(four(value::list({shared, shared}))
        == "80049529000000000000005d94288c086275696c74696e73948c0962797465617272617994939443026162"
           "94859452946806652e");
}
