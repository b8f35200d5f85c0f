#include <patio/value/array.hpp>

#include <doctest/doctest.h>

#include "pickle/testing.hpp"

using namespace std::string_literals;
using patio::unknown_class;
using patio::value;

namespace {

const std::string doubles =
  "80059552000000000000008c056172726179948c145f61727261795f7265636f6e7374727563746f72949394288c0561"
  "72726179948c0561727261799493948c0164944b104310000000000000f03f00000000000004c094749452942e";
const std::string empty_array =
  "80059542000000000000008c056172726179948c145f61727261795f7265636f6e7374727563746f72949394288c0561"
  "72726179948c0561727261799493948c0162944b01430094749452942e";
const std::string two_arrays =
  "80059566000000000000005d94288c056172726179948c145f61727261795f7265636f6e7374727563746f7294939428"
  "8c056172726179948c0561727261799493948c0164944b104308000000000000f03f9474945294680328680668074b10"
  "4308000000000000f03f9474945294652e";
const std::string one_byte =
  "80059549000000000000005d94288c056172726179948c145f61727261795f7265636f6e7374727563746f7294939428"
  "8c056172726179948c0561727261799493948c0142944b0043010194749452946808652e";

const std::string reconstructor = "carray\n_array_reconstructor\n", array_class = "carray\narray\n";

/// The pickle of array._array_reconstructor(array.array, typecode, format, bytes).
std::string made(const std::string& typecode, int format, const std::string& bytes) {
  return "\x80\x03" + reconstructor + "(" + array_class + "X" + static_cast<char>(typecode.size())
         + "\0\0\0"s + typecode + "K" + static_cast<char>(format) + "C"
         + static_cast<char>(bytes.size()) + bytes + "tR";
}

const std::string wanted =
  "expected a typecode of numbers, its format and the bytes of the numbers for an array.array";

bool is_refused(const std::string& pickle) { return refusal(pickle + ".").ends_with(wanted); }

} // namespace

TEST_CASE("pickle: an array.array is read, and written as CPython writes it") {
  CHECK(read(doubles) == "array('d', [1.0, -2.5])");
  CHECK(read(empty_array) == "array('b')");
  CHECK(read(two_arrays) == "[array('d', [1.0]), array('d', [1.0])]");
  for (const auto& hex : {doubles, empty_array, two_arrays, one_byte})
    CHECK(to_hex(written(*patio::read_pickle(from_hex(hex)))) == hex);
}

TEST_CASE("pickle: an array may have any numbers, of either byte order") {
  CHECK(read(to_hex(made("h", 4, "\x01\x02") + ".")) == "array('h', [513])");
  CHECK(read(to_hex(made("h", 5, "\x01\x02") + ".")) == "array('h', [258])");
  CHECK(read(to_hex(made("l", 8, "\xff\xff\xff\xff") + ".")) == "array('l', [-1])"); // Windows
  CHECK(read(to_hex(made("l", 12, std::string(8, '\xff')) + ".")) == "array('l', [-1])");
  CHECK(read(to_hex(made("Q", 10, std::string(8, '\xff')) + "."))
        == "array('Q', [18446744073709551615])");
  CHECK(read(to_hex(made("f", 14, "\0\0\x80\x3f"s) + ".")) == "array('f', [1.0])");
}

TEST_CASE("pickle: an array whose parts do not fit together is refused") {
  CHECK(is_refused(made("d", 16, "1234567")));  // not a multiple of 8 bytes
  CHECK(is_refused(made("d", 14, "12345678"))); // the format of another type
  CHECK(is_refused(made("d", 18, "12345678"))); // the format of characters
  CHECK(is_refused(made("u", 20, "1234")));     // characters
  CHECK(is_refused(made("b", 2, "1")));         // a byte without an order has one format
  CHECK(is_refused(made("", 16, "12345678")));
  CHECK(is_refused(made("dd", 16, "12345678")));
  CHECK(is_refused("\x80\x03" + reconstructor + "(" + array_class + "tR"));
  CHECK(is_refused("\x80\x03" + reconstructor + "(" + array_class + "NNNtR"));
  CHECK(is_refused("\x80\x03" + reconstructor + "(" + array_class + "X\1\0\0\0dK\x10X\0\0\0\0tR"s));
}

TEST_CASE("pickle: the classes of an array are accepted nowhere else") {
  for (const auto& body :
       {reconstructor + ")R", reconstructor + "(NtR", reconstructor, array_class,
        array_class + ")R", array_class + ")\x81", "(" + array_class + "t", "]" + array_class + "a",
        reconstructor + "(" + reconstructor + "NNNtR", "(" + array_class + "K\x01t",
        "cbuiltins\nset\n(" + array_class + "tR", "ccopyreg\n__newobj__\n(" + array_class + "tR",
        made("b", 1, "x") + "}b", made("b", 1, "x") + "(K\x01" + "e",
        made("b", 1, "x") + "K\x01K\x02s", "}" + made("b", 1, "x") + "Ns"})
    for (auto unknown : {unknown_class::refuse, unknown_class::as_exception}) {
      INFO(to_hex(body), " ", static_cast<int>(unknown));
      CHECK(refusal("\x80\x03" + body + ".", {}, unknown) != "accepted");
    }
}

TEST_CASE("pickle: an exception may carry an array") {
  auto raised = patio::read_pickle("\x80\x03"
                                   "cbuiltins\nValueError\n"
                                     + made("h", 4, "\x07\0"s).substr(2) + "\x85R.",
                                   {}, unknown_class::as_exception);
  REQUIRE(raised);
  CHECK(to_string(patio::remote_error(*raised)) == "ValueError: array('h', [7])");
}

TEST_CASE("pickle: an array counts for the budget, and has no hash") {
  CHECK(refusal(made("b", 1, std::string(100, 'x')) + ".", {.memory_bytes = 300}).find("300")
        != std::string::npos);
  auto array = *patio::read_pickle(made("b", 1, "x") + ".");
  CHECK_FALSE(hashable(array));
  CHECK(array == *patio::read_pickle(made("b", 1, "x") + "."));
  CHECK(array.weight() > 1);
}
