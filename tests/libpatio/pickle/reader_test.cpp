#include <doctest/doctest.h>

#include "pickle/testing.hpp"

using namespace std::string_literals;

TEST_CASE("pickle::reader: K1 an empty, truncated or unknown beginning is refused") {
  CHECK(read("") == "byte 0: expected an opcode, found the end");
  CHECK(read("80") == "byte 0: expected 1 more bytes, found 0");
  CHECK(read("8004") == "byte 2: expected an opcode, found the end");
  CHECK(read("80042e") == "byte 2: expected one value at the end, found 0");
  CHECK(read("80064e2e") == "byte 0: expected protocol 0 to 5, found 6");
  CHECK(read("80ff4e2e") == "byte 0: expected protocol 0 to 5, found 255");
  CHECK(read("ff") == "byte 0: expected an opcode for plain data, found 0xff");
}

TEST_CASE("pickle::reader: K2 a length is compared with the bytes that follow") {
  CHECK(read("80048dffffffffffffff7f2e")
        == "byte 2: expected 9223372036854775807 more bytes, found 1");
  CHECK(read("80048dffffffffffffffff2e")
        == "byte 2: expected 18446744073709551615 more bytes, found 1");
  CHECK(read("80048e00000000000100002e") == "byte 2: expected 1099511627776 more bytes, found 1");
  CHECK(read("80059600000020000000002e") == "byte 2: expected 536870912 more bytes, found 1");
  CHECK(read("800442ffffffff2e") == "byte 2: expected 4294967295 more bytes, found 1");
  CHECK(read("54ffffffff2e") == "byte 0: expected 4294967295 more bytes, found 1");
  CHECK(read("80028bffffffff2e")
        == "byte 2: expected an int of at most 8192 bytes, found 4294967295");
  CHECK(read("80028bffffff7f2e")
        == "byte 2: expected an int of at most 8192 bytes, found 2147483647");
  CHECK(read("8c056162632e") == "byte 0: expected 5 more bytes, found 4");
  CHECK(read("8d0000") == "byte 0: expected 8 more bytes, found 2");
}

TEST_CASE("pickle::reader: K3 a frame only promises a number of bytes, as in CPython's C reader") {
  CHECK(read("800495ffffffffffffffff4e2e")
        == "byte 2: expected 18446744073709551615 more bytes, found 2");
  CHECK(read("80049500000000000100004e2e") == "byte 2: expected 1099511627776 more bytes, found 2");
  CHECK(read("80049500000000000000004e2e") == "None");
  CHECK(read("80049501000000000000004b012e") == "1");
  CHECK(read("80049503000000000000004a010000002e") == "1");
  CHECK(read("8004950c000000000000009502000000000000004b052e") == "5");
  CHECK(read("80039502000000000000004e2e") == "None");
  std::string empty_frames = "\x80\x04";
  for (int i = 0; i < 100'000; ++i) empty_frames += from_hex("950000000000000000");
  CHECK(refusal(empty_frames + "N.") == "accepted");
}

TEST_CASE(
  "pickle::reader: K4 a memo index may be any number and never decides the size of an allocation") {
  CHECK(read("5d72ffffff1f2e") == "[]");
  CHECK(read("5d703939393939393939390a2e") == "[]");
  CHECK(read("4b0572ffffff1f306affffff1f2e") == "5");
  CHECK(read("4e702d310a2e") == "byte 1: expected a memo index");
  CHECK(read("4e700a2e") == "byte 1: expected a memo index");
  CHECK(read("8004682e") == "byte 2: memo entry 46 was never stored");
  CHECK(read("800468072e") == "byte 2: memo entry 7 was never stored");
  CHECK(read("673939393939393939393939393939393939393939390a2e")
        == "byte 0: expected a memo index");
  CHECK(read("8004942e") == "byte 2: expected 1 values on the stack, found 0");
  CHECK(read("71002e") == "byte 0: expected 1 values on the stack, found 0");
}

TEST_CASE("pickle::reader: K4 MEMOIZE takes the number of entries as its index, as in CPython") {
  CHECK(read("4b05710130"
             "4b069430"
             "68012e")
        == "6"); // the memo has one entry, so MEMOIZE replaces entry 1
  CHECK(read("4b05710230"
             "4b06710030"
             "4b07710130"
             "4b089430"
             "28680068016802680374"
             "2e")
        == "(6, 7, 5, 8)");
  CHECK(read("4b05710230"
             "4b06710030"
             "4b07710130"
             "4b09710230"
             "4b089430"
             "28680068016802680374"
             "2e")
        == "(6, 7, 9, 8)");
  CHECK(read("4b059430"
             "4b06710030"
             "68002e")
        == "6");
}

TEST_CASE("pickle::reader: K5 the stack is checked before each step") {
  CHECK(read("8004742e") == "byte 2: expected a MARK on the stack");
  CHECK(read("8004302e") == "byte 2: expected 1 values on the stack, found 0");
  CHECK(read("80044b014e612e") == "byte 5: expected a list, found a int");
  CHECK(read("80047d5d4e732e") == "byte 5: expected a hashable value, found a list");
  CHECK(read("80047d284e752e") == "byte 5: expected a value for each key of the dict");
  CHECK(read("80047d4e732e") == "byte 4: expected 3 values on the stack, found 2");
  CHECK(read("8004286175"
             "2e")
        == "byte 3: expected 2 values on the stack, found 0");
  CHECK(read("5d284e302e") == "byte 4: expected one value at the end, found 1 and an open MARK");
  CHECK(read("4e28302e") == "None");
  CHECK(read("4e284b014b02312e") == "None");
  CHECK(read("28652e") == "byte 1: expected a list on the stack, found none");
  CHECK(read("5d28284b01652e") == "byte 5: expected a list on the stack, found none");
  CHECK(read("284b01615d2e") == "byte 3: expected 2 values on the stack, found 1");
  CHECK(read("322e") == "byte 0: expected 1 values on the stack, found 0");
  CHECK(read("4e4e2e") == "byte 2: expected one value at the end, found 2");
  CHECK(read("312e") == "byte 0: expected a MARK on the stack");
  CHECK(read("8f284e5d902e") == "byte 4: expected a hashable value, found a list");
  CHECK(read("5d284e902e") == "byte 3: expected a set, found a list");
}

TEST_CASE("pickle::reader: K8 a container cannot contain itself") {
  std::string shared = ": a value changed after it was shared; cycles are not accepted";
  CHECK(read("80045d946800612e") == "byte 6" + shared);
  CHECK(read("80055d32612e") == "byte 4" + shared);
  CHECK(read("80047d948c016b6800732e") == "byte 9" + shared);
  CHECK(read("80045d946800859461302e") == "byte 8" + shared);
  CHECK(read("80048f94286800902e") == "byte 7: expected a hashable value, found a set");
  auto raised = "cbuiltins\nValueError\n)R\x94"s;
  CHECK(refusal(raised + "}X\x09\0\0\0__notes__]h\0asb."s) == "byte 44" + shared);
  CHECK(refusal(raised + "h\0b."s)
        == "byte 26: expected a dict as an exception's state, found a BaseException");
  CHECK(
    refusal(
      "ccopy_reg\n_reconstructor\n(cpatio.broker.tcp.broker\nCallRequest\nc__builtin__\nobject\nNtR\x94h\0."s)
    == "byte 87: a CallRequest is used twice");
}

TEST_CASE("pickle::reader: a container may change until it is shared, and a shared container stays "
          "one object") {
  CHECK(read("5d943068004b01612e")
        == "byte 7: a value changed after it was shared; cycles are not accepted");
  auto v = *patio::read_pickle(from_hex("5d944b01616800862e"));
  CHECK(*patio::repr(v) == "([1], [1])");
  CHECK(v.items()[0].identity() == v.items()[1].identity());
}
