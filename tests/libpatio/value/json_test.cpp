#include <patio/value/json.hpp>

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <random>

#include <patio/base/utf8.hpp>
#include <patio/value/integer.hpp>
#include <patio/value/literal.hpp>
#include <patio/value/repr.hpp>

#include "seed.hpp"

using patio::integer;
using patio::parse_json;
using patio::parse_literal;
using patio::to_json;
using patio::value;

namespace {

/// Returns the repr of the value that a JSON text means, or the error.
std::string read(std::string_view text) {
  auto v = parse_json(text);
  return v ? repr(*v).value() : v.error().message;
}

/// Returns the JSON of a Python literal, or the error.
std::string written(std::string_view literal) {
  auto v = parse_literal(literal);
  REQUIRE(v);
  auto text = to_json(*v);
  return text ? *text : text.error().message;
}

using namespace std::string_view_literals;
constexpr std::string_view not_json[] = {""sv,
                                         " "sv,
                                         "nul"sv,
                                         "True"sv,
                                         "None"sv,
                                         "[1,]"sv,
                                         "[,1]"sv,
                                         "[1 2]"sv,
                                         "[1"sv,
                                         "]"sv,
                                         "{\"a\":1,}"sv,
                                         "{a:1}"sv,
                                         "{'a':1}"sv,
                                         "{1:1}"sv,
                                         "{\"a\"}"sv,
                                         "{\"a\":}"sv,
                                         "{,}"sv,
                                         "1 2"sv,
                                         "[]x"sv,
                                         "01"sv,
                                         "-01"sv,
                                         "+1"sv,
                                         ".5"sv,
                                         "1."sv,
                                         "1.e5"sv,
                                         "1e"sv,
                                         "1e+"sv,
                                         "0x1"sv,
                                         "1_0"sv,
                                         "-"sv,
                                         "--1"sv,
                                         "1j"sv,
                                         "\u00bd"sv,
                                         "'a'"sv,
                                         "\"a"sv,
                                         "\"\\"sv,
                                         "\"\\x41\""sv,
                                         "\"\\'\""sv,
                                         "\"\\u12\""sv,
                                         "\"\\u12g4\""sv,
                                         "\"\\ud83d\\u12\""sv,
                                         "\"\\U0001f600\""sv,
                                         "\"a\nb\""sv,
                                         "\"\t\""sv,
                                         "\"\0\""sv,
                                         "\"\x1f\""sv,
                                         "\xef\xbb\xbf"
                                         "1"sv,
                                         "\"\xff\""sv,
                                         "\"\xc0\x80\""sv,
                                         "\"\xed\xa0\x80\""sv,
                                         "\f1"sv,
                                         "\v1"sv,
                                         "1//"sv,
                                         "\xc2\xa0"
                                         "1"sv,
                                         "1\0"sv,
                                         "nan"sv,
                                         "-NaN"sv,
                                         "+Infinity"sv,
                                         "-Infinityx"sv,
                                         "1e5.5"sv,
                                         "tru\u00e9"sv};

} // namespace

TEST_CASE("json: values are read as json.loads() reads them") {
  CHECK(read(" \t\r\n[null, true, false, {}, [], \"\"] ") == "[None, True, False, {}, [], '']");
  CHECK(read(R"({"a": {"b": [1]}, "": 2})") == "{'a': {'b': [1]}, '': 2}");
  CHECK(read("[NaN, Infinity, -Infinity]") == "[nan, inf, -inf]");
}

TEST_CASE("json: numbers keep their type, their sign and all their digits") {
  CHECK(read("[0, -0, -0.0, 0e0, 1E5, 1e+2, 12.50e-1]")
        == "[0, 0, -0.0, 0.0, 100000.0, 100.0, 1.25]");
  CHECK(read("-123456789012345678901234567890") == "-123456789012345678901234567890");
  CHECK(read("18446744073709551616") == "18446744073709551616");
  CHECK(read("[1e400, -1e400, 1e-400, 5e-324]") == "[inf, -inf, 0.0, 5e-324]");
  CHECK(read(std::string(4300, '9')) == std::string(4300, '9'));
  CHECK_FALSE(parse_json(std::string(4301, '9')));
  CHECK_FALSE(parse_json("-" + std::string(4301, '9')));
}

TEST_CASE("json: escapes are those of RFC 8259, and a surrogate pair is one character") {
  CHECK(*parse_json(R"("\"\\\/\b\f\n\r\t\u0000\u00e9")")
        == value{std::string_view{"\"\\/\b\f\n\r\t\0\u00e9", 11}});
  CHECK(*parse_json(R"("\ud83d\ude00\uD83D\uDE00")") == value{"\U0001f600\U0001f600"});
  CHECK(read(R"("\ud83d")") == R"('\ud83d')");
  CHECK(read(R"("\ude00\ud83d")") == R"('\ude00\ud83d')");
  CHECK(read(R"("\ud83d\ud83d\ude00")") == "'\\ud83d\U0001f600'");
  CHECK(read(R"("\ud83d\n")") == R"('\ud83d\n')");
  CHECK(*parse_json("\"\x7f\u2028\U0010ffff\"") == value{"\x7f\u2028\U0010ffff"});
}

TEST_CASE("json: what RFC 8259 does not allow is refused") {
  for (auto text : not_json) {
    INFO(text);
    CHECK_FALSE(parse_json(text));
  }
}

TEST_CASE("json: errors name the byte, what was expected and what was found") {
  CHECK(read("[1,]") == "at byte 3: expected a JSON value, found ']'");
  CHECK(read("{a: 1}") == "at byte 1: expected a name in double quotes, found 'a'");
  CHECK(read("[012]") == "at byte 1: expected no leading zeros, found '012'");
  CHECK(read("\"a\nb\"") == "at byte 2: expected an escape for a control character, found '\\n'");
  CHECK(read(R"("\q")") == "at byte 2: expected one of the escapes of JSON, found 'q'");
  CHECK(read(R"({"a": 1, "b": 2, "a": 3})")
        == "at byte 1: expected every key once in this dict, found 'a' twice");
  CHECK(read(R"([{}, {"\u0061": 1, "a": 3}])")
        == "at byte 6: expected every key once in this dict, found 'a' twice");
  CHECK(read("{} {}") == "at byte 3: expected the end, found '{'");
}

TEST_CASE("json: the nesting is limited to the depth of a value") {
  auto deep = [](unsigned n) { return std::string(n, '[') + std::string(n, ']'); };
  CHECK(parse_json(deep(value::max_depth)));
  CHECK(read(deep(value::max_depth + 1)).starts_with("at byte 128: expected at most 128 open"));
  CHECK_FALSE(parse_json(std::string(1'000'000, '[')));
}

TEST_CASE("json: values are written as json.dumps() writes them") {
  CHECK(written("[None, True, 1, -2.5, 'a', (1, (2,)), {}, [], ()]")
        == R"([null, true, 1, -2.5, "a", [1, [2]], {}, [], []])");
  CHECK(written("{'b': 1, 'a': [2]}") == R"({"b": 1, "a": [2]})");
  CHECK(written("{None: 0, True: 1, 2: 3, 1.5: 4, -0.0: 5}")
        == R"({"null": 0, "true": 1, "2": 3, "1.5": 4, "-0.0": 5})");
  CHECK(written("[1e16, 1e15, 1e-5, 0.0001, -0.0, 5e-324, 1e22, 123456789.0]")
        == "[1e+16, 1000000000000000.0, 1e-05, 0.0001, -0.0, 5e-324, 1e+22, 123456789.0]");
  CHECK(to_json(value{integer{2}.pow(200)}) == integer{2}.pow(200).decimal());
}

TEST_CASE("json: text is written in ASCII") {
  CHECK(written(R"('"\\/\b\f\n\r\t\x00\x1f\x7f')")
        == "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\\u007f\"");
  CHECK(written("'caf\u00e9 \u20ac \U0001f600'") == R"("caf\u00e9 \u20ac \ud83d\ude00")");
  CHECK(written(R"('\ud83d \ude00\ud83d')") == R"("\ud83d \ude00\ud83d")");
}

TEST_CASE("json: what JSON cannot hold is an error") {
  CHECK(written("b'x'") == "a value of type bytes has no JSON form");
  CHECK(written("[bytearray(b'')]") == "a value of type bytearray has no JSON form");
  CHECK(written("{1}") == "a value of type set has no JSON form");
  CHECK(written("frozenset()") == "a value of type frozenset has no JSON form");
  CHECK(written("1j") == "a value of type complex has no JSON form");
  for (auto number : {"nan", "inf", "[-inf]", "1e400", "{nan: 1}"})
    CHECK(written(number) == "a float that is NaN or infinite has no JSON form");
  CHECK(written("{(1, 2): 3}") == "a key of type tuple has no JSON form");
  CHECK(written("{b'a': 3}") == "a key of type bytes has no JSON form");
  CHECK(written("{1: 'a', 'b': 2, '1': 'c'}")
        == R"(a dict with two keys of the name "1" has no JSON form)");
  CHECK(written("{None: 1, 'null': 2}")
        == R"(a dict with two keys of the name "null" has no JSON form)");
  CHECK(written(R"(['\ud83d\ude00'])")
        == "a str with a high and a low surrogate as two characters has no JSON form");
}

TEST_CASE("json: the cost of writing is limited") {
  std::vector<value> items(600, value{integer{2}.pow(64'000)});
  CHECK(to_json(value::list(std::move(items))).error().message
        == "integers too large to print in decimal");
  auto laughs = value::list({value{1}, value{2}});
  for (int i = 0; i < 40; ++i) laughs = value::list({laughs, laughs});
  CHECK_FALSE(to_json(laughs));
}

namespace {

class json_source {
public:
  explicit json_source(std::uint64_t seed) : random_{seed} {}

  value any(unsigned depth) {
    if (depth == 0 || below(3) == 0) return leaf();
    std::vector<value> items;
    std::vector<patio::dict_entry> entries;
    for (auto n = below(4); n > 0; --n) {
      items.push_back(any(depth - 1));
      entries.emplace_back(value{text()}, any(depth - 1));
    }
    return below(2) == 0 ? value::list(std::move(items)) : value::dict(std::move(entries));
  }
  std::uint64_t below(std::uint64_t n) { return random_() % n; }

private:
  value leaf() {
    switch (below(6)) {
    case 0: return {};
    case 1: return below(2) == 0;
    case 2: return static_cast<std::int64_t>(random_() >> below(64));
    case 3: return integer{static_cast<std::int64_t>(random_())} * integer{7}.pow(below(200));
    case 4: {
      auto d = std::bit_cast<double>(random_());
      return std::isfinite(d) ? d : 0.5;
    }
    default: return text();
    }
  }
  std::string text() {
    std::string all;
    for (auto n = below(6); n > 0; --n) {
      auto c = static_cast<char32_t>(below(below(2) == 0 ? 0x80 : 0x110000));
      patio::append_utf8(all, c >= 0xdc00 && c < 0xe000 ? U'/' : c); // no pair comes apart
    }
    return all;
  }
  std::mt19937_64 random_;
};

} // namespace

TEST_CASE("json: what is written reads back as the same value, and damage is read or refused") {
  auto seed = test_seed();
  INFO("PATIO_TEST_SEED=" << seed);
  json_source source{seed};
  for (int i = 0; i < 5000; ++i) {
    auto v = source.any(4);
    auto text = to_json(v).value();
    INFO(text);
    REQUIRE(patio::is_ascii(text));
    auto again = parse_json(text);
    REQUIRE(again);
    REQUIRE(identical(*again, v));
    for (int j = 0; j < 4; ++j) {
      auto damaged = text;
      damaged[source.below(text.size())] ^= static_cast<char>(1 << source.below(8));
      auto cut = std::string_view{damaged}.substr(0, source.below(text.size() + 1));
      if (auto read = parse_json(cut)) REQUIRE(repr(*read));
      else REQUIRE(read.error().message.starts_with("at byte "));
    }
  }
}
