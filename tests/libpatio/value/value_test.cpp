#include <patio/value/value.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <patio/value/integer.hpp>

using patio::integer;
using patio::kind;
using patio::value;

TEST_CASE("value: a value takes 16 bytes and is None by default") {
  CHECK(sizeof(value) == 16);
  CHECK(value{}.is_none());
}

TEST_CASE("value: integers of any size keep their value") {
  CHECK(value{-1}.as_int64() == -1);
  CHECK(value{std::numeric_limits<std::int64_t>::min()}.as_int64()
        == std::numeric_limits<std::int64_t>::min());
  auto big = value{std::numeric_limits<std::uint64_t>::max()};
  CHECK_FALSE(big.as_int64());
  CHECK(big.as_integer().decimal() == "18446744073709551615");
  CHECK(value{*integer::from_decimal("-5")}.as_int64() == -5);
}

TEST_CASE("integer: two's complement is the shortest form, as in a pickle") {
  for (auto text : {"0", "1", "-1", "127", "128", "-128", "-129", "255", "256", "32767", "-32768",
                    "-32769", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
                    "123456789012345678901234567890"}) {
    auto i = *integer::from_decimal(text);
    CHECK(integer::from_twos_complement(i.twos_complement()) == i);
    CHECK(i.decimal() == text);
  }
  CHECK(integer{-128}.twos_complement() == "\x80");
  CHECK(integer{128}.twos_complement() == std::string{"\x80\x00", 2});
  CHECK(integer{0}.twos_complement().empty());
}

TEST_CASE("integer: products and differences are exact on both sides of 64 bits") {
  using limits = std::numeric_limits<std::int64_t>;
  __extension__ using wide = __int128;
  auto exact = [](wide i) {
    std::string bytes(sizeof i, '\0');
    std::memcpy(bytes.data(), &i, sizeof i);
    return integer::from_twos_complement(bytes);
  };
  const std::vector<std::int64_t> edges{
    limits::min(), limits::min() + 1, -3'037'000'500, -3'037'000'499,    -256,         -1, 0, 1,
    255,           3'037'000'499,     3'037'000'500,  limits::max() - 1, limits::max()};
  for (auto a : edges)
    for (auto b : edges) {
      CAPTURE(a);
      CAPTURE(b);
      CHECK(integer{a} * integer{b} == exact(static_cast<wide>(a) * b));
      CHECK(integer{a} - integer{b} == exact(static_cast<wide>(a) - b));
    }
}

TEST_CASE("integer: arithmetic is exact, and the conversion to double rounds as in Python") {
  CHECK((integer{3} * integer{-4}).as_int64() == -12);
  CHECK((integer{3} - integer{5}).as_int64() == -2);
  CHECK(integer{2}.pow(100).decimal() == "1267650600228229401496703205376");
  CHECK(integer{2}.pow(100).as_real() == std::ldexp(1.0, 100));
  CHECK(integer::from_decimal("9007199254740993")->as_real()
        == 9007199254740992.0); // a tie goes to even
  CHECK(integer::from_decimal("147573952589676412929")->as_real()
        == std::ldexp(1.0, 67) + 32768 - 32768);
  CHECK(std::isinf(integer{10}.pow(400).as_real()));
  CHECK(integer{-5} < integer{3});
  CHECK(integer{2}.pow(70) > integer{2}.pow(69));
  CHECK_FALSE(integer::from_decimal("12a"));
  CHECK_FALSE(integer::from_decimal("-"));
}

TEST_CASE("integer: decimal digits are exact near powers of ten") {
  for (auto digits : {1U, 18U, 19U, 20U, 38U, 39U, 255U, 4300U, 5000U}) {
    INFO(digits);
    auto power = integer{10}.pow(digits);
    CHECK(power.decimal() == "1" + std::string(digits, '0'));
    CHECK((power - integer{1}).decimal() == std::string(digits, '9'));
    CHECK((integer{-1} - power).decimal() == "-1" + std::string(digits - 1, '0') + "1");
  }
  CHECK(integer{}.decimal() == "0");
}

TEST_CASE("value: equal numbers of different kinds compare equal and hash alike") {
  CHECK(value{1} == value{1.0});
  CHECK(value{true} == value{1});
  CHECK(value{std::complex<double>{1, 0}} == value{1});
  CHECK(value{integer{2}.pow(80)} == value{std::ldexp(1.0, 80)});
  CHECK_FALSE(value{9007199254740993} == value{9007199254740992.0});
  CHECK(hash(value{1}) == hash(value{1.0}));
  CHECK(hash(value{integer{2}.pow(80)}) == hash(value{std::ldexp(1.0, 80)}));
  CHECK(hash(value{0.0}) == hash(value{-0.0}));
  CHECK(hash(value{0}) != hash(value{}));
  CHECK(hash(value{4.4e-323})
        != hash(value::tuple({}))); // the bits of this number equal the kind of a tuple
  CHECK_FALSE(identical(value{1}, value{1.0}));
  CHECK_FALSE(identical(value{0.0}, value{-0.0}));
  CHECK_FALSE(value{std::nan("")} == value{std::nan("")});
  CHECK(identical(value{std::nan("")}, value{std::nan("")}));
}

TEST_CASE("value: short and long texts keep their bytes in copies and moves") {
  for (auto n : {0U, 1U, 13U, 14U, 15U, 100U}) {
    std::string text(n, 'x');
    value v{text}, copy{v}, moved{std::move(v)};
    CHECK(copy.text() == text);
    CHECK(moved.text() == text);
    const auto& itself = copy;
    copy = itself;
    CHECK(copy == moved);
    CHECK(hash(copy) == hash(value{text}));
  }
}

TEST_CASE(
  "value: a dict keeps the order of insertion, and the first of equal keys with the last value") {
  auto d = value::dict({{"b", 1}, {1, 2}, {"a", 3}, {true, 4}});
  REQUIRE(d.entries().size() == 3);
  CHECK(d.entries()[1].first.kind() == kind::integer);
  CHECK(*d.find(1.0) == value{4});
  CHECK(d.find("zz") == nullptr);
  CHECK(d == value::dict({{"a", 3}, {"b", 1}, {1, 4}}));
}

TEST_CASE("value: dicts and sets find every key after growing") {
  std::vector<patio::dict_entry> entries;
  std::vector<value> items;
  for (int i = 0; i < 5000; ++i) {
    entries.emplace_back("k" + std::to_string(i), i);
    items.emplace_back(i);
    items.emplace_back(i);
  }
  auto d = value::dict(entries);
  auto s = value::set(items);
  CHECK(s.items().size() == 5000);
  for (int i = 0; i < 5000; ++i) {
    REQUIRE(*d.find("k" + std::to_string(i)) == value{i});
    REQUIRE(s.contains(i));
  }
  CHECK_FALSE(s.contains(5000));
  CHECK(s == value::frozenset(items));
}

TEST_CASE("value: an unhashable item or key is refused, and the error names its type") {
  CHECK_THROWS_WITH_AS((void)value::set({value::list({})}), "unhashable type: 'list' in a set",
                       std::invalid_argument);
  CHECK_THROWS_AS((void)value::dict({{value::tuple({value::dict({})}), 1}}), std::invalid_argument);
  CHECK_NOTHROW((void)value::set({value::tuple({1, "a", value::frozenset({})})}));
}

TEST_CASE("value: identical sets hold the same kinds and bits in any order") {
  auto nan = std::nan("");
  CHECK(identical(value::set({1, "a", nan}), value::set({nan, 1, "a"})));
  CHECK_FALSE(identical(value::set({1, 2}), value::set({1.0, 2})));
  CHECK_FALSE(identical(value::set({0.0}), value::set({-0.0})));
  CHECK_FALSE(identical(value::set({1}), value::set({1, 2})));
  CHECK_FALSE(identical(value::set({1}), value::frozenset({1})));
}

TEST_CASE("value: the nesting is limited to the documented depth") {
  auto v = value::list({});
  for (unsigned i = 1; i < value::max_depth; ++i) v = value::list({v});
  CHECK(v.depth() == value::max_depth);
  CHECK_THROWS_AS((void)value::tuple({v}), std::length_error);
  CHECK_THROWS_AS((void)value::dict({{1, v}}), std::length_error);
}

TEST_CASE(
  "value: an expansion bomb is cheap to hold, and the comparison of two of them is refused") {
  auto laugh = [] {
    value v{"lol"};
    for (int i = 0; i < 30; ++i) v = value::tuple(std::vector<value>(10, v));
    return v;
  };
  auto a = laugh(), b = laugh();
  CHECK(a == a);
  CHECK_THROWS_AS((void)(a == b), std::length_error);
  CHECK(hash(a) == hash(b)); // each shared part is hashed once
}

TEST_CASE("value: an unhashable item deep in a tuple is found at once") {
  auto v = value::list({});
  for (int i = 0; i < 100; ++i) v = value::tuple({1, v, v});
  CHECK_FALSE(hashable(v));
  CHECK_THROWS_AS((void)hash(v), std::invalid_argument);
}

TEST_CASE("value: an accessor of another kind throws an error that says what was found") {
  CHECK_THROWS_WITH_AS((void)value{1}.text(), "patio::value: expected a str, found int",
                       std::logic_error);
}
