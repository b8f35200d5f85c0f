#include <patio/convert/convert.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace std::chrono_literals;
using patio::from_value;
using patio::integer;
using patio::to_value;
using patio::value;

namespace {

struct point {
  std::int64_t x = 0;
  std::optional<std::string> label;
  std::vector<double> weights;
  friend bool operator==(const point&, const point&) = default;
};

enum class unconvertible { one };

template <class T>
std::string why_not(const value& v) {
  auto r = from_value<T>(v);
  if (r) return "accepted";
  CHECK(r.error().code == patio::errc::undecodable);
  return r.error().message;
}

} // namespace

template <>
inline constexpr auto patio::fields<point> =
  std::tuple{patio::field{"x", &point::x}, patio::field{"label", &point::label},
             patio::field{"weights", &point::weights}};

static_assert(patio::convertible<std::vector<std::map<std::string, std::optional<point>>>>);
static_assert(!patio::convertible<unconvertible>);
static_assert(!patio::convertible<int*>);
static_assert(!patio::convertible<std::vector<unconvertible>>);
static_assert(!patio::convertible<std::map<std::string, std::optional<unconvertible>>>);
static_assert(!patio::convertible<std::pair<int, std::set<int*>>>);
static_assert(!patio::convertible<std::variant<int, std::array<int*, 2>>>);

TEST_CASE("convert: integers stay within the range of their type") {
  CHECK(from_value<std::int8_t>(-128) == std::int8_t{-128});
  CHECK(from_value<std::int8_t>(127) == std::int8_t{127});
  CHECK(why_not<std::int8_t>(128) == "must be int in the range -128 to 127");
  CHECK(why_not<std::uint8_t>(-1) == "must be int in the range 0 to 255");
  CHECK(why_not<std::uint8_t>(256) == "must be int in the range 0 to 255");
  CHECK(from_value<std::uint64_t>(std::numeric_limits<std::uint64_t>::max())
        == std::numeric_limits<std::uint64_t>::max());
  CHECK(from_value<std::uint64_t>(std::uint64_t{1} << 63) == std::uint64_t{1} << 63);
  CHECK(from_value<std::int64_t>(std::numeric_limits<std::int64_t>::min())
        == std::numeric_limits<std::int64_t>::min());
  CHECK(why_not<std::uint64_t>(integer{2}.pow(64))
        == "must be int in the range 0 to 18446744073709551615");
  CHECK(why_not<std::int64_t>(integer{2}.pow(63))
        == "must be int in the range -9223372036854775808 to 9223372036854775807");
}

TEST_CASE("convert: a bool is an int and a float, as in Python, but an int is not a bool") {
  CHECK(from_value<int>(true) == 1);
  CHECK(from_value<unsigned>(true) == 1U);
  CHECK(from_value<double>(true) == 1.0);
  CHECK(from_value<integer>(true) == integer{1});
  CHECK(from_value<bool>(false) == false);
  CHECK(why_not<bool>(0) == "must be bool, not int");
  CHECK(to_value(true).kind() == patio::kind::boolean);
}

TEST_CASE("convert: errors name kinds as Python does") {
  CHECK(why_not<int>("7") == "must be int, not str");
  CHECK(why_not<int>(7.0) == "must be int, not float");
  CHECK(why_not<double>(value{}) == "must be float, not None");
  CHECK(why_not<std::string>(value::bytes("x")) == "must be str, not bytes");
  CHECK(why_not<integer>(1.5) == "must be int, not float");
  CHECK(why_not<std::complex<double>>("1j") == "must be float, not str");
  CHECK(why_not<std::monostate>(0) == "must be None, not int");
  CHECK(why_not<std::vector<int>>("abc") == "must be list, not str");
  CHECK(why_not<std::vector<int>>(value::set({1})) == "must be list, not set");
  CHECK(why_not<std::string>(value::exception("builtins.ValueError", {}))
        == "must be str, not BaseException");
}

TEST_CASE("convert: an int becomes a float if it is in the range of a float") {
  CHECK(from_value<double>(3) == 3.0);
  CHECK(from_value<double>(integer{2}.pow(1000)) == std::ldexp(1.0, 1000));
  CHECK(why_not<double>(integer{2}.pow(1024))
        == "must be float, but this int is too large for a float");
  CHECK(std::isnan(*from_value<double>(std::nan(""))));
  CHECK(from_value<std::complex<double>>(2) == std::complex{2.0, 0.0});
  CHECK(from_value<float>(0.5) == 0.5F);
}

TEST_CASE("convert: an empty optional is None, and any other optional is its content") {
  CHECK(*from_value<std::optional<int>>(value{}) == std::optional<int>{});
  CHECK(*from_value<std::optional<int>>(5) == std::optional{5});
  CHECK(to_value(std::optional<int>{}).is_none());
  CHECK(to_value(std::optional{5}) == value{5});
  CHECK(why_not<std::optional<int>>("5") == "must be int, not str");
  CHECK(patio::converter<std::optional<int>>::name() == "int or None");
}

TEST_CASE("convert: a variant takes the first alternative that fits") {
  using number_or_text = std::variant<std::int64_t, double, std::string>;
  CHECK(from_value<number_or_text>(1) == number_or_text{std::int64_t{1}});
  CHECK(from_value<number_or_text>(1.5) == number_or_text{1.5});
  CHECK(from_value<number_or_text>(integer{2}.pow(70)) == number_or_text{std::ldexp(1.0, 70)});
  CHECK(from_value<number_or_text>("a") == number_or_text{"a"});
  CHECK(why_not<number_or_text>(value::list({})) == "must be int or float or str, not list");
  CHECK(to_value(number_or_text{1.5}) == value{1.5});
  CHECK(why_not<std::variant<std::int8_t, std::string>>(300)
        == "must be int in the range -128 to 127");
  CHECK(why_not<std::variant<std::vector<int>, std::string>>(value::list({1, "a"}))
        == "[1] must be int, not str");
  auto twice = from_value<std::variant<int, bool, int>>("no");
  CHECK_FALSE(twice);
  CHECK(from_value<std::variant<bool, std::string>>("text")->index() == 1);
}

TEST_CASE("convert: durations are seconds, as an int if the unit is whole seconds") {
  CHECK(identical(to_value(90s), value{90}));
  CHECK(identical(to_value(2min), value{120}));
  CHECK(identical(to_value(1500ms), value{1.5}));
  CHECK(identical(to_value(std::chrono::duration<double>{2.0}), value{2.0}));
  CHECK(from_value<std::chrono::milliseconds>(1.5) == 1500ms);
  CHECK(from_value<std::chrono::nanoseconds>(0.1) == 100ms);
  CHECK(from_value<std::chrono::seconds>(-2) == -2s);
  CHECK(from_value<std::chrono::duration<double>>(0.25) == std::chrono::duration<double>{0.25});
}

TEST_CASE("convert: numbers of seconds outside the range of a duration are refused") {
  CHECK(why_not<std::chrono::nanoseconds>("1") == "must be float, not str");
  for (const auto& wrong : {value{1e10}, value{-1e10}, value{std::nan("")}, value{HUGE_VAL}})
    CHECK(why_not<std::chrono::nanoseconds>(wrong)
          == "must be a number of seconds between -9.2e9 and 9.2e9");
  using small_seconds = std::chrono::duration<std::int8_t>;
  CHECK(from_value<small_seconds>(100) == small_seconds{100});
  CHECK(why_not<small_seconds>(300)
        == "must be a number of seconds that the C++ duration can hold, not 300.0");
  CHECK(why_not<small_seconds>(127.6)
        == "must be a number of seconds that the C++ duration can hold, not 127.6");
  CHECK(why_not<std::chrono::duration<int, std::pico>>(-1)
        == "must be a number of seconds that the C++ duration can hold, not -1.0");
}

TEST_CASE("convert: a struct with fields becomes a dict") {
  point p{3, "here", {0.5, 1.0}};
  auto as_dict = value::dict({{"x", 3}, {"label", "here"}, {"weights", value::list({0.5, 1.0})}});
  CHECK(identical(to_value(p), as_dict));
  CHECK(from_value<point>(as_dict) == p);
  CHECK(from_value<point>(value::dict({{"weights", value::tuple({})}, {"x", 1}, {"label", {}}}))
        == point{1, {}, {}});
}

TEST_CASE("convert: a struct's errors name the member") {
  auto with_x = [](value x) {
    return value::dict({{"x", std::move(x)}, {"label", "l"}, {"weights", value::list({})}});
  };
  CHECK(why_not<point>(5) == "must be dict, not int");
  CHECK(why_not<point>(with_x("3")) == ".x must be int, not str");
  CHECK(why_not<point>(value::dict({{"x", 1}, {"label", {}}})) == ".weights is missing");
  CHECK(why_not<point>(value::dict({{"x", 1}, {"label", {}}, {"weights", value::list({1, "2"})}}))
        == ".weights[1] must be float, not str");
  CHECK(why_not<std::vector<point>>(value::list({with_x(1), 7})) == "[1] must be dict, not int");
}

TEST_CASE("convert: an optional member may be missing") {
  CHECK(from_value<point>(value::dict({{"x", 1}, {"weights", value::list({})}}))
        == point{1, {}, {}});
}

TEST_CASE("convert: values pass through unchanged") {
  auto v = value::list({1, "a"});
  CHECK(to_value(v).identity() == v.identity());
  CHECK(from_value<value>(v)->identity() == v.identity());
}
