#include <doctest/doctest.h>

#include "pickle/testing.hpp"

using namespace std::string_literals;
using patio::value;

namespace {

std::string times(std::size_t n, std::string_view part) {
  std::string all;
  for (std::size_t i = 0; i < n; ++i) all += part;
  return all;
}

/// Returns `levels` nested containers. Each holds the container below ten times, so there are
/// 10^levels leaves in a few bytes for each level.
std::string laughs(int levels, const std::string& close) {
  auto from_memo = [](int index) { return "h"s + static_cast<char>(index); };
  auto pickle = "\x8c\3lol\x94"
                "0"s;
  for (int i = 0; i < levels; ++i)
    pickle += "(" + times(10, from_memo(i)) + close
              + "\x94"
                "0";
  return pickle + from_memo(levels);
}

} // namespace

TEST_CASE("pickle::reader: K6 containers of every kind nest 128 levels deep") {
  std::string too_deep = ": nested deeper than 128";
  CHECK(refusal(times(128, "]") + times(127, "a") + ".") == "accepted");
  CHECK(refusal(times(129, "]") + times(128, "a") + ".") == "byte 256" + too_deep);
  CHECK(refusal(")" + times(127, "\x85") + ".") == "accepted");
  CHECK(refusal(")" + times(128, "\x85") + ".") == "byte 128" + too_deep);
  CHECK(refusal(times(127, "}N") + "}" + times(127, "s") + ".") == "accepted");
  CHECK(refusal(times(128, "}N") + "}" + times(128, "s") + ".") == "byte 384" + too_deep);
  CHECK(refusal(times(129, "(") + times(129, "\x91") + ".").ends_with(too_deep));
  auto exception = "cbuiltins\nValueError\n"s;
  CHECK(refusal(times(128, exception) + ")" + times(127, "R\x85") + "R.") == "accepted");
  CHECK(refusal(times(129, exception) + ")" + times(128, "R\x85") + "R.").ends_with(too_deep));
}

TEST_CASE("pickle::reader: K6 deep nesting is refused before its containers are closed") {
  CHECK(refusal(times(512, "]") + times(512, "0") + "N.") == "accepted");
  CHECK(refusal(times(100'000, "]") + times(99'999, "a") + ".")
        == "byte 512: nested deeper than 128");
  CHECK(refusal("(" + times(100'000, "]") + times(99'999, "a") + "0.")
        == "byte 100128: nested deeper than 128");
  CHECK(refusal(times(256, "(") + times(255, "1") + "t.") == "accepted");
  CHECK(refusal(times(257, "(") + times(256, "1") + "t.") == "byte 256: nested deeper than 128");
  // A pickler leaves at most a class and two of three arguments open for each level.
  auto level = "cbuiltins\nValueError\nNN";
  CHECK(refusal(times(128, level) + "N" + times(128, "\x87R") + ".") == "accepted");
}

TEST_CASE("pickle::reader: K6 a value 128 levels deep and a value a million items wide are "
          "destroyed safely") {
  { auto deep = patio::read_pickle(")" + times(127, "\x85") + "."); }
  auto wide = patio::read_pickle("(" + times(999'997, ")") + "l.");
  REQUIRE(wide);
  CHECK(wide->items().size() == 999'997);
}

TEST_CASE("pickle::reader: K7 an expansion bomb stays shared and is expanded nowhere") {
  for (const auto& pickle : {laughs(9, "t") + ".", laughs(9, "l") + "."}) {
    auto v = patio::read_pickle(pickle);
    REQUIRE(v);
    CHECK(v->depth() == 9);
    CHECK(v->weight() > 1'000'000'000);
    CHECK(written(*v) == "refused: the value is too large when its shared parts are expanded");
    CHECK_FALSE(patio::repr(*v));
    auto again = *patio::read_pickle(pickle);
    CHECK_THROWS_AS((void)(*v == again), std::length_error);
  }
}

TEST_CASE(
  "pickle::reader: K7 a key with 10^9 leaves is refused, and a key with 10^5 leaves is accepted") {
  auto key = ": expected a key or set item of at most 256 MiB with its shared parts expanded";
  CHECK(refusal("}" + laughs(9, "t") + "Ns.").ends_with(key));
  CHECK(refusal("\x8f(" + laughs(9, "t") + "\x90.").ends_with(key));
  CHECK(refusal("}" + laughs(5, "t") + "Ns.") == "accepted");
  CHECK(
    refusal("}" + laughs(5, "l") + "Ns.").ends_with(": expected a hashable value, found a list"));
}

TEST_CASE("pickle::reader: each limit refuses a pickle that is one above the limit") {
  auto three = "](K\1K\2e."s; // the list, a MARK, two ints
  CHECK(refusal(three, {.nodes = 4}) == "accepted");
  CHECK(refusal(three, {.nodes = 3}) == "byte 4: more than 3 values");
  CHECK(refusal(three, {.bytes = 8}) == "accepted");
  CHECK(refusal(three, {.bytes = 7}) == "byte 0: expected at most 7 bytes, found 8");
  CHECK(refusal(three, {.memory_bytes = 256}) == "accepted");
  CHECK(refusal(three, {.memory_bytes = 255}) == "byte 4: more than 255 bytes of memory");
  CHECK(refusal("C\x0a"
                "0123456789.",
                {.memory_bytes = 74})
        == "accepted");
  CHECK(refusal("C\x0a"
                "0123456789.",
                {.memory_bytes = 73})
        == "byte 0: more than 73 bytes of memory");
  CHECK(refusal("Nq\0q\1."s, {.memo_entries = 2}) == "accepted");
  CHECK(refusal("Nq\0q\1."s, {.memo_entries = 1}) == "byte 3: more than 1 memo entries");
  CHECK(refusal("Nq\5q\7."s, {.memo_entries = 1}) == "byte 3: more than 1 memo entries");
  CHECK(refusal("\x8a\2\1\1.", {.integer_bytes = 2}) == "accepted");
  CHECK(refusal("\x8a\2\1\1.", {.integer_bytes = 1})
        == "byte 0: expected an int of at most 1 bytes, found 2");
  CHECK(refusal("I12\n.", {.integer_digits = 2}) == "accepted");
  CHECK(refusal("I12\n.", {.integer_digits = 1})
        == "byte 0: expected an int of at most 1 digits, found 2");
}

TEST_CASE("pickle::reader: K5 temporary values and references spend budget") {
  CHECK(refusal("N" + times(999'999, "0N") + ".") == "accepted");
  CHECK(refusal("N" + times(1'000'000, "0N") + ".").ends_with("more than 1000000 values"));
  CHECK(refusal("(N" + times(1'000'000, "2") + ".").ends_with("more than 1000000 values"));
  CHECK(refusal("(N\x94" + times(1'000'000, "h\0"s) + ".").ends_with("more than 1000000 values"));
  CHECK(refusal(times(500'001, "(1") + times(500'000, "(1") + ".")
          .ends_with("more than 1000000 values"));
  CHECK(refusal("(" + times(1'000'000, "}") + ".").ends_with("more than 67108864 bytes of memory"));
  CHECK(refusal("N" + times(1'000'001, "\x94") + ".").ends_with("more than 1000000 memo entries"));
}

TEST_CASE("pickle::reader: each copy out of a shared part spends budget") {
  std::string shared = "(";
  for (int i = 0; i < 1000; ++i) shared += {'M', static_cast<char>(i), static_cast<char>(i >> 8)};
  shared += "t\x94";
  for (auto copied : {"cbuiltins\nset\nh\0\x85R0"s, "cbuiltins\nValueError\nh\0R0"s}) {
    CHECK(refusal(shared + times(3, copied) + ".") == "accepted");
    auto pickle = shared + times(2000, copied) + ".";
    CHECK(refusal(pickle).ends_with(": more than " + std::to_string(64 + 4 * pickle.size())
                                    + " values"));
  }
  auto bytes = "B\x40\x42\x0f\0"s + std::string(1'000'000, 'x') + "\x94";
  CHECK(refusal(bytes + times(100, "cbuiltins\nbytearray\nh\0\x85R0"s) + ".")
          .ends_with("more than 67108864 bytes of memory"));
  auto text = "X\x40\x42\x0f\0"s + std::string(1'000'000, 'x') + "\x94";
  CHECK(refusal(text + times(100, "c_codecs\nencode\nh\0Vlatin1\n\x86R0"s) + ".")
          .ends_with("more than 67108864 bytes of memory"));
}

TEST_CASE("pickle::reader: the comparison of equal heavy keys has its own budget") {
  auto key = [](std::size_t size) { return "(" + times(size, "K\1") + "t"; };
  CHECK(refusal("}" + times(10, key(1000) + "Ns") + ".", {.compared_bytes = 9 * 16'016})
        == "accepted");
  CHECK(refusal("}" + times(11, key(1000) + "Ns") + ".", {.compared_bytes = 9 * 16'016})
          .ends_with(": more than 144144 bytes of keys compared"));
  CHECK(refusal("\x8f(" + times(11, key(1000)) + "\x90.", {.compared_bytes = 9 * 16'016})
          .ends_with(": more than 144144 bytes of keys compared"));
}

TEST_CASE("pickle::reader: the limit of compared key bytes grows with the size of the pickle") {
  std::string pickle;
  char memo = 0;
  auto remember = [&](const std::string& part) {
    return pickle += part + "\x94" + "0", "h"s + memo++;
  };
  auto ten_million = [&](const std::string& leaf) { // 10^7 leaves, ten in each tuple
    auto below = remember(leaf);
    for (int level = 0; level < 7; ++level) below = remember("(" + times(10, below) + "t");
    return below;
  };
  auto equal = ten_million("K\1") + ten_million("G\x3f\xf0\0\0\0\0\0\0"s) + ten_million("\x88");
  pickle += "(" + equal + "\x91.";
  CHECK(refusal(pickle).ends_with(": more than " + std::to_string((1 << 20) + 16 * pickle.size())
                                  + " bytes of keys compared"));
}

TEST_CASE("pickle::reader: a memo entry far from the others spends budget") {
  std::string sparse;
  for (int i = 0; i < 900'000; ++i)
    sparse +=
      "r"s + static_cast<char>(i) + static_cast<char>(i >> 8) + static_cast<char>(i >> 16) + '\1';
  CHECK(refusal("N" + sparse + ".").ends_with("more than 67108864 bytes of memory"));
}
