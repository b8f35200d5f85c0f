#include <patio/protocol/timeout.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <complex>
#include <limits>

#include <patio/value/integer.hpp>

using namespace std::chrono_literals;
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

TEST_CASE("deadline_of: None and infinity mean never, and other numbers are seconds from now") {
  CHECK(due({}) == never);
  CHECK(due(infinity) == never);
  CHECK(due(2) == now + 2s);
  CHECK(due(0.25) == now + 250ms);
  CHECK(due(0.3) == now + 300ms);
  CHECK(due(true) == now + 1s);
  CHECK(due(1e-9) == now + 1ns);
}

TEST_CASE("deadline_of: zero and negative numbers mean now, and too large numbers are cut to the "
          "longest timeout") {
  for (const auto& passed : {value{0}, value{-0.0}, value{-1}, value{-0.5}, value{false},
                             value{-infinity}, value{-1e308}, value{integer{-2}.pow(71)}})
    CHECK(due(passed) == now);
  for (const auto& huge :
       {value{86'401}, value{1e308}, value{integer{2}.pow(70)}, value{integer{10}.pow(400)},
        value{std::numeric_limits<std::int64_t>::max()}})
    CHECK(due(huge) == now + 24h);
  CHECK(due(86'400) == now + 24h);
}

TEST_CASE(
  "deadline_of: a timeout that is not a number of seconds is refused with Python's exception") {
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
