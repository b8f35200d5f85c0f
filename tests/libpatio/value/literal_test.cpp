#include <patio/value/literal.hpp>

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include <patio/base/utf8.hpp>
#include <patio/value/integer.hpp>
#include <patio/value/repr.hpp>

#include "seed.hpp"

using patio::integer;
using patio::kind;
using patio::parse_literal;
using patio::parse_word;
using patio::value;

namespace {

/// Returns the repr of the value that a text means, or the error.
std::string read(std::string_view text) {
  auto v = parse_literal(text);
  return v ? repr(*v).value() : v.error().message;
}

std::string read_word(std::string_view text) {
  auto v = parse_word(text);
  return v ? repr(*v).value() : v.error().message;
}

std::string repeated(std::string_view part, unsigned times) {
  std::string text;
  for (unsigned i = 0; i < times; ++i) text += part;
  return text;
}

} // namespace

TEST_CASE("literal: the constants of Python and JSON are read") {
  CHECK(read("None") == "None");
  CHECK(read("null") == "None");
  CHECK(read("[True, true, False, false]") == "[True, True, False, False]");
  CHECK(read("[NaN, Infinity, -Infinity, nan, inf, -inf]") == "[nan, inf, -inf, nan, inf, -inf]");
  CHECK(read("{\"a\": [1, 2.5, null, true], \"b\": {}}") == "{'a': [1, 2.5, None, True], 'b': {}}");
}

TEST_CASE("literal: integers of every base and size are read") {
  CHECK(read("0") == "0");
  CHECK(read("-0_0") == "0");
  CHECK(read("+ 1_000") == "1000");
  CHECK(read("0x_Ff") == "255");
  CHECK(read("-0b1010") == "-10");
  CHECK(read("0o777") == "511");
  CHECK(parse_literal("-9223372036854775808")->as_int64()
        == std::numeric_limits<std::int64_t>::min());
  CHECK(read("0x1" + std::string(64, '0')) == integer{2}.pow(256).decimal());
  CHECK(read("0o1" + std::string(30, '0')) == integer{2}.pow(90).decimal());
}

TEST_CASE("literal: a decimal integer has at most 4300 digits, as in CPython") {
  CHECK(read(std::string(4300, '7')) == std::string(4300, '7'));
  CHECK(read(std::string(4301, '7'))
        == "at byte 0: expected an integer of at most 4300 digits (hexadecimal has no limit), "
           "found 4301");
}

TEST_CASE("literal: floats are rounded to nearest, and become infinity or zero outside the range") {
  CHECK(read("1.") == "1.0");
  CHECK(read(".5") == "0.5");
  CHECK(read("-1_0.2_5E-0_1") == "-1.025");
  CHECK(read("1e5") == "100000.0");
  CHECK(read("1e400") == "inf");
  CHECK(read("-1e-400") == "-0.0");
  CHECK(read("0." + std::string(400, '0') + "1e800") == "inf");
  CHECK(read(std::string(400, '1') + "e-800") == "0.0");
  CHECK(read("1e99999999999999999999") == "inf");
  CHECK(read("1e-99999999999999999999") == "0.0");
  CHECK(read("0e99999999999999999999") == "0.0");
  CHECK(read("2.2250738585072011e-308") == "2.225073858507201e-308");
}

TEST_CASE("literal: complex numbers are sums, as in Python") {
  CHECK(read("(1+2j)") == "(1+2j)");
  CHECK(read("1.5 - 2J") == "(1.5-2j)");
  CHECK(read("2j") == "2j");
  CHECK(read("-2j") == "(-0-2j)");
  CHECK(read("(nan+infj)") == "(nan+infj)");
  CHECK(read("012j") == "12j");
  CHECK(read("1+2") == "at byte 2: expected an imaginary number such as 2j, found '2'");
  CHECK(read("0x" + std::string(400, 'f') + "+1j")
        == "at byte 0: expected a real part that fits a float, found a larger integer");
}

TEST_CASE("literal: strings with every prefix, quote and escape are read") {
  CHECK(*parse_literal("'a\"b'") == value{"a\"b"});
  CHECK(*parse_literal(R"("\\\'\"\a\b\f\n\r\t\v\0\101\x41\u00e9\U0001f600")")
        == value{std::string_view{"\\'\"\a\b\f\n\r\t\v\0AA\u00e9\U0001f600", 19}});
  CHECK(*parse_literal("'a\\\nb\\q\\\u00e9'") == value{"ab\\q\\\u00e9"});
  CHECK(*parse_literal("'''a'b\n''c\r\nd'''") == value{"a'b\n''c\nd"});
  CHECK(*parse_literal(R"(R'\n\'')") == value{R"(\n\')"});
  CHECK(*parse_literal("'a' u\"b\"\n'''c'''") == value{"abc"});
  CHECK(*parse_literal("('a' 'b')") == value{"ab"});
  CHECK(*parse_literal("'\\777'") == value{"\u01ff"});
  CHECK(*parse_literal("''") == value{""});
}

TEST_CASE("literal: bytes and bytearrays are read") {
  CHECK(identical(*parse_literal(R"(b'\x00\377\u00e9')"),
                  value::bytes(std::string_view{"\0\xff\\u00e9", 8})));
  CHECK(identical(*parse_literal("bR'\\n' B\"a\""), value::bytes("\\na")));
  CHECK(identical(*parse_literal("b'\\400'"), value::bytes(std::string_view{"\0", 1})));
  CHECK(identical(*parse_literal("bytearray( b'a' )"), value::bytearray("a")));
  CHECK(read("b'\u00e9'") == "at byte 2: expected an ASCII character in bytes, found '\u00e9'");
  CHECK(read("b'a' 'b'") == "at byte 5: expected bytes after bytes, found \"'\"");
  CHECK(read("bytearray('a')") == "at byte 10: expected bytes, found str");
}

TEST_CASE("literal: a pair of escaped surrogates stays a pair, as in Python") {
  CHECK(*parse_literal(R"("\ud83d\ude00")") == value{"\xed\xa0\xbd\xed\xb8\x80"});
}

TEST_CASE("literal: errors in strings say what is missing and where") {
  CHECK(read("'abc") == "at byte 4: expected a closing ', found the end");
  CHECK(read("'''abc'") == "at byte 7: expected a closing ''', found the end");
  CHECK(read("'a\nb'") == "at byte 2: expected a closing ', found '\\n'");
  CHECK(read("'\\") == "at byte 2: expected a closing ', found the end");
  CHECK(read("'\\x4g'") == "at byte 4: expected 2 hexadecimal digits, found 'g'");
  CHECK(read("'\\U00110000'")
        == "at byte 1: expected a code point of at most \\U0010ffff, found a larger one");
  for (auto prefix : {"ur", "bu", "rr", "f", "brb"})
    CHECK_FALSE(parse_literal(std::string{prefix} + "'a'"));
  CHECK(read("'\\N{DASH}'")
        == "at byte 1: expected the character itself or its \\u escape, found a name (\\N)");
  CHECK(read("'a\xff'") == "at byte 2: expected UTF-8, found '\\udcff'");
  CHECK(read("'\xed\xa0\x80'") == "at byte 1: expected UTF-8, found '\\ud800'");
}

TEST_CASE("literal: containers are read with and without a last comma") {
  CHECK(read("[]") == "[]");
  CHECK(read("[1, 2,]") == "[1, 2]");
  CHECK(read("()") == "()");
  CHECK(read("(1,)") == "(1,)");
  CHECK(read("((1))") == "1");
  CHECK(read("{}") == "{}");
  CHECK(read("{1: 2, 'a': (3, [4]),}") == "{1: 2, 'a': (3, [4])}");
  CHECK(read("{1: 2, True: 3}") == "{1: 3}");
  CHECK(read("{2, 1, 2.0,}") == "{2, 1}");
  CHECK(read("set ( )") == "set()");
  CHECK(read("frozenset()") == "frozenset()");
  CHECK(read("{frozenset({1}), frozenset([2])}") == "{frozenset({1}), frozenset({2})}");
  CHECK(read(" [ 1 ,\n 2 ] ") == "[1, 2]");
}

TEST_CASE("literal: errors in containers say what was expected and where") {
  CHECK(read("") == "at byte 0: expected a value, found the end");
  CHECK(read("[1") == "at byte 2: expected ',' or ']', found the end");
  CHECK(read("[1 2]") == "at byte 3: expected ',' or ']', found '2'");
  CHECK(read("[1,,2]") == "at byte 3: expected a value, found ','");
  CHECK(read("(,)") == "at byte 1: expected a value, found ','");
  CHECK(read("{1: 2, 3}") == "at byte 8: expected ':', found '}'");
  CHECK(read("{1, 2: 3}") == "at byte 5: expected ',' or '}', found ':'");
  CHECK(read("{[1]}") == "at byte 1: expected a hashable set item, found an unhashable list");
  CHECK(read("{1: 2, {}: 3}")
        == "at byte 7: expected a hashable dict key, found an unhashable dict");
  CHECK(read("frozenset([[]])") == "at byte 10: expected hashable items, found an unhashable list");
  CHECK(read("frozenset(1)") == "at byte 10: expected a set, found int");
  CHECK(read("set({1})") == "at byte 4: expected ')', found '{'");
  CHECK(read("1, 2") == "at byte 1: expected the end, found ','");
  CHECK(read("[os.system('x')]") == "at byte 1: expected a value, found 'os'");
}

TEST_CASE("literal: malformed numbers are refused") {
  for (auto text : {"1_", "1__0", "_1", "0x", "0xg", "0b2", "0o8", "012", "1.5.2", "1e", "1._5",
                    "1e_5", "12abc", "0x1.5", "--1", "+", ".", "1j2", "0x1j"}) {
    INFO(text);
    CHECK_FALSE(parse_literal(text));
  }
  CHECK(read("0x") == "at byte 2: expected hexadecimal digits, found the end");
  CHECK(read("012") == "at byte 0: expected no leading zeros, found '012'");
  CHECK(read("1.5.2") == "at byte 3: expected the end of the number, found '.'");
}

TEST_CASE("literal: the nesting is limited to the largest depth of a value") {
  auto nested = [](std::string_view open, std::string_view close, unsigned n) {
    return repeated(open, n) + "1" + repeated(close, n);
  };
  CHECK(parse_literal(nested("[", "]", value::max_depth))->depth() == value::max_depth);
  CHECK(parse_literal(nested("(", ",)", value::max_depth))->depth() == value::max_depth);
  for (auto text : {nested("[", "]", value::max_depth + 1), nested("(", ")", value::max_depth + 1),
                    nested("{1:", "}", value::max_depth + 1), repeated("[", 1'000'000),
                    repeated("frozenset({", 100'000)})
    CHECK(read(text).find("expected at most 128 open brackets, found") != std::string::npos);
}

TEST_CASE("literal: every prefix and every changed bit of a text is either read or refused") {
  std::string text =
    R"({'a\x41': [1_0, -2.5e3, (1+2j), b"\0'"], frozenset({None, 0x1F}): (set(), bytearray(b''), """q"""),})";
  REQUIRE(parse_literal(text));
  for (std::size_t n = 0; n < text.size(); ++n)
    CHECK_FALSE(parse_literal(std::string_view{text}.substr(0, n)));
  for (std::size_t n = 0; n < text.size(); ++n) {
    for (int bit = 0; bit < 8; ++bit) {
      auto changed = text;
      changed[n] = static_cast<char>(changed[n] ^ (1 << bit));
      if (auto v = parse_literal(changed)) CHECK(repr(*v));
    }
  }
}

TEST_CASE("word: a word is a literal if possible, else a str") {
  CHECK(read_word("5") == "5");
  CHECK(read_word("-2.5") == "-2.5");
  CHECK(read_word("[1, 'a']") == "[1, 'a']");
  CHECK(read_word("null") == "None");
  for (auto text : {"", "hello", "hello world", "007", "1.2.3", "1,2", "--flag", "set", "it's",
                    "a[0]", " x", "-", "2024-01-02", "10:30", "1 (2)"}) {
    INFO(text);
    CHECK(parse_word(text) == patio::result<value>{value{text}});
  }
}

TEST_CASE("word: a word that is not a literal is a str, whatever it begins with") {
  for (auto text :
       {"(hello)",   "{name}",     "[ERROR]", "[1, 2",    "'abc",      "\"abc",
        "b'a' b",    "(555) 1234", "set(1)",  "{{name}}", "{[1]}",     "frozenset([[]])",
        "b'\u00e9'", "'\\x4g'",    "'\\Ugh'", "'\\Nope'", "'\\N{DASH", "[os.system('x')]",
        "{\"a\": 1", "(,)",        "[a, b]",  "{}x",      "--",        "++",
        "{",         "\"a\nb\"",   "\ufeff1", "1 # one",  "1,2"}) {
    INFO(text);
    CHECK(parse_word(text) == patio::result<value>{value{text}});
  }
  auto digits = std::string(5000, '1') + "abc";
  CHECK(parse_word(digits) == patio::result<value>{value{digits}});
}

TEST_CASE("word: a literal that patio cannot represent is an error and never a str") {
  CHECK(read_word(std::string(5000, '1'))
        == "at byte 0: expected an integer of at most 4300 digits (hexadecimal has no limit), "
           "found 5000");
  CHECK_FALSE(parse_word("[-" + std::string(5000, '1') + ", None]"));
  CHECK_FALSE(parse_word("{\"n\": " + std::string(5000, '1') + "}"));
  CHECK(read_word("['\\N{DASH}']")
        == "at byte 2: expected the character itself or its \\u escape, found a name (\\N)");
  CHECK(read_word(repeated("[", 200) + repeated("]", 200))
        == "at byte 128: expected at most 128 open brackets, found '['");
  CHECK(read_word("{'a': 1, 'b': {}, 'a': 2}")
        == "at byte 1: expected every key once in this dict, found 'a' twice");
  CHECK(read_word("{\"a\": 1, \"a\": 1}")
        == "at byte 1: expected every key once in this dict, found 'a' twice");
  CHECK(read_word("caf\xe9") == "at byte 3: expected UTF-8, found '\\udce9'");
  CHECK(read_word("[\"caf\xe9\"]") == "at byte 5: expected UTF-8, found '\\udce9'");
}

TEST_CASE("word: a word that is JSON has the meaning of JSON") {
  CHECK(parse_word(R"("\ud83d\ude00")") == patio::result<value>{value{"\U0001f600"}});
  CHECK(parse_word(R"({"a\/b": ["\uD83D\uDE00\ud83d"]})")
        == patio::parse_value("{'a/b': ['\U0001f600\\ud83d']}"));
  CHECK(parse_word(R"({"x": NaN, "s": "\ud83d\ude00"})")->find("s")->text() == "\U0001f600");
  CHECK(parse_word(R"('\ud83d\ude00')") == patio::parse_literal(R"('\ud83d\ude00')"));
  CHECK(parse_word(R"(('\/', "\/"))") == patio::parse_literal(R"(('\/', "\/"))"));
}

namespace {

/// Makes random values.
class value_source {
public:
  explicit value_source(std::uint64_t seed) : random_{seed} {}

  value leaf() {
    switch (below(8)) {
    case 0: return {};
    case 1: return below(2) == 0;
    case 2: return static_cast<std::int64_t>(random_() >> below(64));
    case 3: return (integer{static_cast<std::int64_t>(random_())} * integer{7}.pow(below(200)));
    case 4: return number();
    case 5: return value::bytes(characters(256));
    case 6: return std::complex{1 + std::abs(number()), number() + 0.0};
    default: return characters(0x110000);
    }
  }

  value any(unsigned depth) {
    if (depth == 0 || below(3) == 0)
      return below(10) == 0 ? value::bytearray(characters(256)) : leaf();
    std::vector<value> items, keys;
    std::vector<patio::dict_entry> entries;
    for (auto n = below(4); n > 0; --n) {
      items.push_back(any(depth - 1));
      keys.push_back(leaf());
      entries.emplace_back(leaf(), any(depth - 1));
    }
    switch (below(5)) {
    case 0: return value::list(std::move(items));
    case 1: return value::tuple(std::move(items));
    case 2: return value::set(std::move(keys));
    case 3: return value::frozenset(std::move(keys));
    default: return value::dict(std::move(entries));
    }
  }

private:
  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  double number() {
    auto d = std::bit_cast<double>(random_());
    return std::isfinite(d) && d != 0 ? d : 0.5;
  }
  std::string characters(std::uint64_t limit) {
    std::string text;
    for (auto n = below(6); n > 0; --n) {
      auto c = static_cast<char32_t>(below(below(2) == 0 ? 0x80 : limit));
      if (limit == 256) text += static_cast<char>(c);
      else patio::append_utf8(text, c);
    }
    return text;
  }
  std::mt19937_64 random_;
};

} // namespace

TEST_CASE("literal: the repr of a value reads back as the same value") {
  auto seed = test_seed();
  INFO("PATIO_TEST_SEED=" << seed);
  value_source source{seed};
  for (int i = 0; i < 3000; ++i) {
    auto v = source.any(4);
    auto text = repr(v).value();
    INFO(text);
    auto again = parse_literal(text);
    REQUIRE(again);
    REQUIRE(identical(*again, v));
    auto cut = brief(v, 40);
    CHECK((cut == text || (cut.size() <= 40 && cut.ends_with("..."))));
  }
}
