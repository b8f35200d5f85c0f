#include <patio/value/repr.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include <patio/base/printable.hpp>
#include <patio/value/integer.hpp>
#include <patio/value/literal.hpp>

#include "json_rows.hpp"

using patio::brief;
using patio::integer;
using patio::repr;
using patio::to_str;
using patio::value;

namespace {

value raised(const std::string& type, std::vector<value> args) {
  return value::exception("builtins." + type, std::move(args));
}

/// Returns a value of 40 levels that each hold the level below ten times ("a billion laughs").
value laughs(value v) {
  for (int i = 0; i < 40; ++i) v = value::list(std::vector<value>(10, v));
  return v;
}

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double quiet_nan = std::numeric_limits<double>::quiet_NaN();

} // namespace

TEST_CASE("repr: every recorded value prints as in CPython") {
  auto rows = json_rows("repr.jsonl");
  CHECK(rows.size() > 2000);
  for (const auto& recorded : rows) {
    INFO(recorded.dump());
    auto v = patio::parse_literal(recorded["literal"].get<std::string>());
    REQUIRE(v);
    CHECK(*repr(*v) == recorded["repr"].get<std::string>());
  }
}

TEST_CASE("repr: floats have an exponent below 1e-4, and at 1e16 and above") {
  CHECK(*repr(1.0) == "1.0");
  CHECK(*repr(-0.0) == "-0.0");
  CHECK(*repr(0.1) == "0.1");
  CHECK(*repr(1e16) == "1e+16");
  CHECK(*repr(9999999999999998.0) == "9999999999999998.0");
  CHECK(*repr(0.0001) == "0.0001");
  CHECK(*repr(0.00001) == "1e-05");
  CHECK(*repr(infinity) == "inf");
  CHECK(*repr(-infinity) == "-inf");
  CHECK(*repr(std::copysign(quiet_nan, -1.0)) == "nan");
}

TEST_CASE("repr: a complex number shows its real part, unless the real part is positive zero") {
  CHECK(*repr(std::complex{1.0, 2.0}) == "(1+2j)");
  CHECK(*repr(std::complex{0.0, -0.0}) == "-0j");
  CHECK(*repr(std::complex{-0.0, 2.5}) == "(-0+2.5j)");
  CHECK(*repr(std::complex{quiet_nan, std::copysign(quiet_nan, -1.0)}) == "(nan+nanj)");
  CHECK(*repr(std::complex{1e16, -infinity}) == "(1e+16-infj)");
}

TEST_CASE("repr: integers print all their digits") {
  CHECK(*repr(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
  CHECK(*repr(integer{10}.pow(5000)) == "1" + std::string(5000, '0'));
  CHECK(*repr(integer{-10}.pow(1001) - integer{-1}) == "-" + std::string(1001, '9'));
}

TEST_CASE("repr: a str has the quotes and escapes that Python chooses") {
  CHECK(*repr("it's") == "\"it's\"");
  CHECK(*repr("'\"") == "'\\'\"'");
  CHECK(*repr("\t\n\r\x01\x7f\\") == "'\\t\\n\\r\\x01\\x7f\\\\'");
  CHECK(*repr("\u00e9\u00ad\u2028\U0001f600\U000e0001")
        == "'\u00e9\\xad\\u2028\U0001f600\\U000e0001'");
  CHECK(*repr("\xed\xa0\x80") == "'\\ud800'");
}

TEST_CASE("repr: bytes that are not UTF-8 print as Python's surrogateescape shows them") {
  CHECK(*repr("a\xff\xc3") == "'a\\udcff\\udcc3'");
  CHECK(*repr("\xc0\xaf") == "'\\udcc0\\udcaf'");
  CHECK(*repr("\xf4\x90\x80\x80") == "'\\udcf4\\udc90\\udc80\\udc80'");
}

TEST_CASE("repr: a bytearray escapes a single quote whichever quotes it has") {
  CHECK(*repr(value::bytes("a'\xff")) == "b\"a'\\xff\"");
  CHECK(*repr(value::bytearray("a'")) == "bytearray(b\"a\\'\")");
}

TEST_CASE("repr: containers print as in Python") {
  CHECK(*repr(value::tuple({1})) == "(1,)");
  CHECK(*repr(value::tuple({})) == "()");
  CHECK(*repr(value::set({})) == "set()");
  CHECK(*repr(value::set({2, 1})) == "{2, 1}");
  CHECK(*repr(value::frozenset({})) == "frozenset()");
  CHECK(*repr(value::frozenset({1})) == "frozenset({1})");
  CHECK(*repr(value::dict({{"a", value::list({true, {}})}, {1, 2}}))
        == "{'a': [True, None], 1: 2}");
}

TEST_CASE("repr: an exception shows the last part of its class") {
  CHECK(*repr(raised("ValueError", {"x"})) == "ValueError('x')");
  CHECK(*repr(raised("KeyError", {})) == "KeyError()");
  CHECK(*repr(value::exception("shop.Stock.Empty", {1, "a"})) == "Empty(1, 'a')");
  CHECK(*repr(value::exception("shop.Bad\n\x1b[2J", {})) == "Bad\\n\\x1b[2J()");
}

TEST_CASE("repr: a value that expands beyond the limit is refused") {
  auto text = repr(laughs(1));
  REQUIRE_FALSE(text);
  CHECK(text.error().code == patio::errc::invalid);
  auto number = value{integer::from_twos_complement(std::string(std::size_t{1} << 20, '\x7f'))};
  CHECK(repr(number).error().message == "the integers are too large to print in decimal");
}

TEST_CASE("is_printable: agrees with CPython at the ends of the ranges") {
  for (auto c : {U' ', U'~', U'\u00a1', U'\u00ae', U'\u0377', U'\u037a', U'\ufffd', U'\U0001f600',
                 U'\U000e0100', U'\U000e01ef'})
    CHECK(patio::is_printable(c));
  for (auto c : {U'\0', U'\u001f', U'\u007f', U'\u00a0', U'\u00ad', U'\u0378', U'\u0379', U'\ufffe',
                 U'\U000e00ff', U'\U000e01f0', U'\U0010ffff'})
    CHECK_FALSE(patio::is_printable(c));
}

TEST_CASE("to_str: a str prints as itself, and any other value as its repr") {
  CHECK(to_str("a\n") == "a\n");
  CHECK(to_str(value::list({"a"})) == "['a']");
  CHECK(to_str(raised("ValueError", {})) == "");
  CHECK(to_str(raised("ValueError", {"a b"})) == "a b");
  CHECK(to_str(raised("ValueError", {1, "a"})) == "(1, 'a')");
  CHECK(to_str(raised("ValueError", {raised("KeyError", {"k"})})) == "'k'");
}

TEST_CASE("to_str: exceptions with a special message read as in Python") {
  CHECK(to_str(raised("KeyError", {"k"})) == "'k'");
  CHECK(to_str(raised("KeyError", {"k", 1})) == "('k', 1)");
  CHECK(to_str(raised("FileNotFoundError", {2, "No such file"})) == "[Errno 2] No such file");
  CHECK(to_str(raised("OSError", {2, "No such file", "/tmp/x"}))
        == "[Errno 2] No such file: '/tmp/x'");
  CHECK(to_str(raised("OSError", {2, "No such file", {}})) == "[Errno 2] No such file");
  CHECK(to_str(raised("OSError", {"closed"})) == "closed");
  CHECK(to_str(value::exception("shop.OSError", {2, "x"})) == "(2, 'x')");
  CHECK(to_str(raised("SyntaxError", {"invalid syntax", value::tuple({"/a/b.py", 3, 1, "x"})}))
        == "invalid syntax (b.py, line 3)");
  CHECK(to_str(raised("SyntaxError", {"invalid syntax", value::tuple({{}, 3, 1, "x"})}))
        == "invalid syntax (line 3)");
  CHECK(to_str(raised("SyntaxError", {})) == "None");
  CHECK(to_str(raised("ExceptionGroup",
                      {"two", value::list({raised("KeyError", {}), raised("OSError", {})})}))
        == "two (2 sub-exceptions)");
}

TEST_CASE("to_str: unicode errors name the first character that failed") {
  auto decode = [](int start, int end) {
    return raised("UnicodeDecodeError",
                  {"utf-8", value::bytes("ab\xff"), start, end, "invalid start byte"});
  };
  CHECK(to_str(decode(2, 3))
        == "'utf-8' codec can't decode byte 0xff in position 2: invalid start byte");
  CHECK(to_str(decode(1, 3))
        == "'utf-8' codec can't decode bytes in position 1-2: invalid start byte");
  CHECK(to_str(decode(3, 4))
        == "'utf-8' codec can't decode bytes in position 3-3: invalid start byte");
  CHECK(
    to_str(raised("UnicodeEncodeError", {"ascii", "a\u00e9", 1, 2, "ordinal not in range(128)"}))
    == "'ascii' codec can't encode character '\\xe9' in position 1: ordinal not in range(128)");
  CHECK(to_str(raised("UnicodeTranslateError", {"\u20ac", 0, 1, "no"}))
        == "can't translate character '\\u20ac' in position 0: no");
  CHECK(to_str(raised("UnicodeDecodeError", {1, 2})) == "(1, 2)");
}

TEST_CASE("brief: returns the repr, cut between characters") {
  CHECK(brief(value::list({1, 2})) == "[1, 2]");
  CHECK(brief(value::list({1, 2}), 6) == "[1, 2]");
  CHECK(brief(value::list({1, 2, 3}), 6) == "[1,...");
  CHECK(brief("\u00e9\u00e9\u00e9\u00e9", 8) == "'\u00e9\u00e9...");
  CHECK(brief("\u00e9\u00e9\u00e9\u00e9", 7) == "'\u00e9...");
  CHECK(brief(1234567, 2) == "..");
  CHECK(brief(1, 0).empty());
  CHECK(brief(raised("ValueError", {"x"}), 9) == "ValueE...");
}

TEST_CASE("brief: a hostile value costs no more than the part that is shown") {
  CHECK(brief(laughs(1)).size() == 200);
  CHECK(brief(laughs(value::exception("builtins.ValueError", {}))).size() == 200);
  for (const auto& v : {value{std::string(std::size_t{16} << 20, '\n')},
                        value::bytes(std::string(std::size_t{16} << 20, '\n'))}) {
    auto text = brief(v);
    CHECK(text.size() == 200);
    CHECK(text.capacity() < 2000); // no more was written
  }
  CHECK(brief(value{integer::from_twos_complement(std::string(std::size_t{16} << 20, '\x7f'))})
          .starts_with("<int of 167772"));
  value chain{integer{2}.pow(65'000)};
  for (int i = 0; i < 14; ++i) chain = raised("OSError", {chain, chain});
  CHECK(to_str(chain).size() == 200);
  CHECK(to_str(laughs(chain)).size() == 200);
  CHECK(to_str(raised("ValueError", {std::string(std::size_t{2} << 20, 'x')})).size()
        == std::size_t{2} << 20);
}
