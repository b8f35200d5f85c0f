#include <doctest/doctest.h>

#include <bit>
#include <cstdint>

#include "pickle/testing.hpp"

using namespace std::string_literals;

namespace {

std::string read_line(const std::string& line) { return read(to_hex(line + "\n.")); }

std::string text_of(const std::string& pickle) {
  auto v = patio::read_pickle(pickle);
  return v ? to_hex(v->text()) : v.error().message;
}

std::uint64_t bits_of(const std::string& hex) {
  return std::bit_cast<std::uint64_t>(patio::read_pickle(from_hex(hex))->as_real());
}

} // namespace

TEST_CASE("pickle::reader: K10 ints in text are plain decimals") {
  CHECK(read_line("I0") == "0");
  CHECK(read_line("I00") == "False");
  CHECK(read_line("I01") == "True");
  CHECK(read_line("I-5") == "-5");
  CHECK(read_line("I9223372036854775808") == "9223372036854775808");
  CHECK(read_line("L-9223372036854775809L") == "-9223372036854775809");
  CHECK(read_line("L7") == "7");
  CHECK(read_line("L00L") == "byte 0: expected decimal digits");
  for (auto bad : {"I", "I-", "I+5", "I5 ", "I 5", "I1_0", "I0x10", "I007", "I5L", "I002", "L",
                   "LL", "L5LL", "I5\r", "I\xd9\xa1"})
    CHECK_MESSAGE(read_line(bad) == "byte 0: expected decimal digits", bad);
  CHECK(read(to_hex("I5")) == "byte 0: expected a line, found no newline");
}

TEST_CASE("pickle::reader: K10 ints have CPython's limit of decimal digits and a limit of bytes") {
  std::string most(4300, '9');
  CHECK(read_line("L" + most + "L") == most);
  CHECK(read_line("L-" + most + "L") == "-" + most);
  CHECK(read_line("L" + most + "9L")
        == "byte 0: expected an int of at most 4300 digits, found 4301");
  CHECK(read_line("I-" + most + "9")
        == "byte 0: expected an int of at most 4300 digits, found 4302");
  CHECK(refusal("\x8b\x00\x20\x00\x00"s + std::string(8192, '\x7f') + ".") == "accepted");
  CHECK(refusal("\x8b\x01\x20\x00\x00"s + std::string(8193, '\x7f') + ".")
        == "byte 0: expected an int of at most 8192 bytes, found 8193");
}

TEST_CASE("pickle::reader: K10 binary ints keep their sign and size") {
  CHECK(read("4bff2e") == "255");
  CHECK(read("4dffff2e") == "65535");
  CHECK(read("4affffffff2e") == "-1");
  CHECK(read("4a000000802e") == "-2147483648");
  CHECK(read("8a002e") == "0");
  CHECK(read("8a01ff2e") == "-1");
  CHECK(read("8a08ffffffffffffff7f2e") == "9223372036854775807");
  CHECK(read("8a0900000000000000800"
             "02e")
        == "9223372036854775808");
  CHECK(read("8a09ffffffffffffffffff2e") == "-1"); // longer than needed
  CHECK(read("8b02000000ff002e") == "255");
}

TEST_CASE("pickle::reader: K10 floats keep their bits") {
  CHECK(bits_of("477ff00000000000012e") == 0x7ff0000000000001); // a signalling NaN
  CHECK(bits_of("47fff80000000000002e") == 0xfff8000000000000);
  CHECK(bits_of("4780000000000000002e") == 0x8000000000000000);
  CHECK(read_line("F1") == "1.0");
  CHECK(read_line("F-0.0") == "-0.0");
  CHECK(read_line("F5e-324") == "5e-324");
  CHECK(read_line("Fnan") == "nan");
  CHECK(read_line("F-inf") == "-inf");
  for (auto bad : {"F", "F1e999", "F 1", "F1 ", "F+1", "F0x1p3", "F1_0", "Fnan(1)", "F1,5", "Fx"})
    CHECK_MESSAGE(read_line(bad) == "byte 0: expected a float", bad);
}

// In Python two NaNs are one key only if they are one object, as in the last check of each group.
TEST_CASE("pickle::reader: K10 the same NaN is a key only once") {
  std::string nan = "G\x7f\xf8\0\0\0\0\0\0"s, other = "G\x7f\xf8\0\0\0\0\0\1"s,
              twice = ": a dict key or a set item occurs twice";
  CHECK(refusal("}(" + nan + "N" + other + "Nu.") == "accepted");
  CHECK(refusal("}(" + nan + "N" + nan + "Nu.") == "byte 22" + twice);
  CHECK(refusal("}(" + nan + "\x94Nh\0Nu."s) == "byte 16" + twice);
  CHECK(refusal("\x8f(" + nan + "K\1" + other + "\x90.") == "accepted");
  CHECK(refusal("\x8f(" + nan + "\x94h\0\x90."s) == "byte 14" + twice);
  CHECK(refusal("\x8f(K\1" + nan + "\x86K\2" + nan + "\x86\x90.") == "accepted");
  CHECK(refusal("\x8f(K\1" + nan + "\x86\x94h\0\x90."s) == "accepted");
  CHECK(refusal("\x8f(K\1" + nan + "\x94\x86K\1h\0\x86\x90."s) == "byte 20" + twice);
}

TEST_CASE("pickle::reader: K11 a str is UTF-8 in which lone surrogates are allowed") {
  CHECK(text_of("\x8c\x03\xed\xa0\x80.") == "eda080");
  CHECK(text_of("X\x04\0\0\0\xf0\x9f\x98\x80."s) == "f09f9880");
  CHECK(text_of("\x8d\x02\0\0\0\0\0\0\0\xc3\xa9."s) == "c3a9");
  for (auto bad : {"fffe", "80", "c3", "c0af", "c1bf", "e08080", "eda0", "f0808080", "f4908080",
                   "f8888080", "61ff", "6162636465666768ff"}) {
    auto bytes = from_hex(bad);
    CHECK_MESSAGE(refusal("\x8c" + std::string{static_cast<char>(bytes.size())} + bytes + ".")
                    == "byte 0: expected UTF-8",
                  bad);
  }
}

TEST_CASE("pickle::reader: K11 UNICODE is Latin-1 with code points in hexadecimal") {
  CHECK(text_of("Va\xe9\n.") == to_hex("a\xc3\xa9"));
  CHECK(text_of("V\\u0041\\U0001f600\n.") == to_hex("A\xf0\x9f\x98\x80"));
  CHECK(text_of("V\\uD800\n.") == "eda080");
  CHECK(text_of("V\\\\u0041\\n\\\n.") == to_hex("\\\\u0041\\n\\"));
  CHECK(text_of("V\n.") == "");
  for (auto bad : {"V\\u", "V\\u004", "V\\u00g1", "V\\U00110000", "V\\U0001f60", "V\\u+123"})
    CHECK_MESSAGE(read_line(bad)
                    == "byte 0: expected a code point in hexadecimal digits after the backslash",
                  bad);
}

TEST_CASE("pickle::reader: K11 Python 2's strings are quoted ASCII") {
  CHECK(text_of("S'a\"b'\n.") == to_hex("a\"b"));
  CHECK(text_of("S\"\"\n.") == "");
  CHECK(text_of("S'\\x41\\101\\0\\n\\t\\'\\\\\\q\\8'\n.") == to_hex("AA\0\n\t'\\\\q\\8"s));
  CHECK(text_of("T\x02\0\0\0ab."s) == "6162");
  CHECK(text_of("U\x02"
                "ab.")
        == "6162");
  for (auto bad : {"S", "S'", "S'a", "Sa'", "S'a\"", "Sa"})
    CHECK_MESSAGE(read_line(bad) == "byte 0: expected a quoted string", bad);
  for (auto bad : {"S'\xc3\xa9'", "S'\\xe9'", "S'\\351'", "S'\\777'", "S'\\500'"})
    CHECK_MESSAGE(read_line(bad) == "byte 0: expected ASCII", bad);
  CHECK(read_line("S'\\x4'") == "byte 0: expected two hexadecimal digits after \\x");
  CHECK(read_line("S'\\'") == "byte 0: expected a character after the backslash");
  CHECK(read("550261e92e") == "byte 0: expected ASCII");
}

TEST_CASE("pickle::reader: bytes and bytearrays are read with lengths of every size") {
  CHECK(read("4302ff002e") == "b'\\xff\\x00'");
  CHECK(read("4201000000612e") == "b'a'");
  CHECK(read("8e0100000000000000612e") == "b'a'");
  CHECK(read("960100000000000000612e") == "bytearray(b'a')");
}

TEST_CASE("pickle::reader: bytes after the end are ignored, as in CPython") {
  CHECK(read("804e2e") == "byte 0: expected protocol 0 to 5, found 78");
  CHECK(read("4e2e47415242414745") == "None");
  CHECK(read("80054b012e80054b022e") == "1");
  CHECK(read("80044e8002302880044b013180054b052e") == "5");
}
