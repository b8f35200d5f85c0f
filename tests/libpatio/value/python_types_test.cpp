#include <doctest/doctest.h>

#include <patio/python_values.hpp>
#include <patio/value/python_types.hpp>

#include "pickle/testing.hpp"

using namespace std::string_literals;
using patio::python_family;
using patio::python_types;
using patio::value;

namespace {

patio::result<value> taken(const std::string& pickle,
                           const python_types& types = python_types::standard()) {
  return patio::read_pickle(pickle, {}, patio::unknown_class::refuse, types);
}

/// Returns Python's repr of the value that a pickle holds, or the error.
std::string shown(const std::string& pickle, const python_types& types = python_types::standard()) {
  auto v = taken(pickle, types);
  return v ? *patio::repr(*v) : v.error().message;
}

std::string sent(const value& v, const python_types& types = python_types::standard()) {
  std::string out;
  auto done = patio::write_pickle(v, out, types);
  return done ? out : done.error().message;
}

std::string call_of(const std::string& module, const std::string& name, const std::string& args) {
  return "c" + module + "\n" + name + "\n" + args + "R.";
}

std::string bytes_of(const std::string& bytes) {
  return "C" + std::string(1, static_cast<char>(bytes.size())) + bytes + "\x85";
}

/// Returns whether a pickle that is read and written again keeps its bytes.
bool kept(const std::string& hex) {
  auto pickle = from_hex(hex);
  auto v = taken(pickle);
  return v && sent(*v) == pickle;
}

} // namespace

TEST_CASE("python_types: only built-in classes are accepted until others are added") {
  CHECK(shown("cdecimal\nDecimal\n(V1.5\ntR.", {})
        == "byte 0: class decimal.Decimal is not accepted");
  CHECK(shown("cdecimal\nDecimal\n(V1.5\ntR.", python_types{}.add(python_family::decimal))
        == "Decimal('1.5')");
  CHECK(shown("cdecimal\nDecimal\n(V1.5\ntR.", python_types{}.add(python_family::uuid))
        == "byte 0: class decimal.Decimal is not accepted");
  CHECK(sent(patio::to_value(patio::decimal{"1.5"}), {})
        == "the class decimal.Decimal is not in the node's python_types");
  CHECK_THROWS_AS(python_types{}.add("os", "stat_result"), std::invalid_argument);
  CHECK_THROWS_AS(python_types{}.add("shop", "Outer.Inner"), std::invalid_argument);
  CHECK_THROWS_AS(python_types{}.add("", "Order"), std::invalid_argument);
}

TEST_CASE("python_types: the bytes that CPython writes in protocol 5 come back unchanged") {
  CHECK(kept("80059520000000000000008c086461746574696d65948c046461746594939443"
             "0407ea0102948594"
             "52942e"));
  CHECK(kept("8005952100000000000000"
             "8c07646563696d616c948c07446563696d616c9493948c03312e35948594"
             "52942e"));
  CHECK(kept("8005952000000000000000"
             "8c0475756964948c04555549449493942981947d948c03696e74944b0573622e"));
  CHECK(kept("8005952700000000000000"
             "8c0b636f6c6c656374696f6e73948c0b4f726465726564446963749493942952944b014b02732e"));
}

TEST_CASE("python_types: an object that CPython would refuse or misread is refused") {
  auto date = [](const std::string& bytes) {
    return shown(call_of("datetime", "date", bytes_of(bytes)));
  };
  CHECK(date("\x07\xea\x01\x02"s) == "datetime.date(2026, 1, 2)");
  CHECK(date("\x07\xe8\x02\x1d"s) == "datetime.date(2024, 2, 29)");
  for (auto wrong : {"\x07\xea\x02\x1d"s, "\x07\xea\x0d\x01"s, "\x07\xea\x00\x01"s,
                     "\x00\x00\x01\x01"s, "\x27\x10\x01\x01"s, "\x07\xea\x01"s})
    CHECK(date(wrong).ends_with("expected four bytes of a date for a datetime.date"));
  auto time = [](const std::string& bytes) {
    return shown(call_of("datetime", "time", bytes_of(bytes)));
  };
  CHECK(time("\x81\x02\x03\x00\x00\x04"s) == "datetime.time(1, 2, 3, 4, fold=1)");
  for (auto wrong : {"\x18\x00\x00\x00\x00\x00"s, "\x00\x3c\x00\x00\x00\x00"s,
                     "\x00\x00\x3c\x00\x00\x00"s, "\x00\x00\x00\x0f\x42\x40"s})
    CHECK(time(wrong).ends_with(
      "expected six bytes of a time, and optionally a timezone for a datetime.time"));
  auto delta = [](const std::string& args) {
    return shown(call_of("datetime", "timedelta", args));
  };
  CHECK(delta("(I-1\nI2\nI3\nt") == "datetime.timedelta(days=-1, seconds=2, microseconds=3)");
  for (auto wrong : {"(I1000000000\nI0\nI0\nt", "(I0\nI86400\nI0\nt", "(I0\nI0\nI-1\nt",
                     "(I0\nI0\nt", "(I01\nI0\nI0\nt", "(F1\nI0\nI0\nt"})
    CHECK(delta(wrong).ends_with(
      "expected normalised days, seconds and microseconds for a datetime.timedelta"));
  auto uuid = [](const std::string& state) { return shown("cuuid\nUUID\n)\x81" + state + "."); };
  CHECK(uuid("(Vint\nI5\ndb") == "UUID('00000000-0000-0000-0000-000000000005')");
  CHECK(uuid("").ends_with("expected a state for each object that needs one"));
  CHECK(uuid("(Vint\nI-1\ndb").ends_with("expected an int of 128 bits for a uuid.UUID"));
  CHECK(uuid("(Vint\nI5\nVx\nI1\ndb")
          .ends_with("expected only the attributes int and is_safe for a uuid.UUID"));
  CHECK(uuid("(Vint\nI5\ndb(Vint\nI5\ndb")
          .ends_with("expected one state for a uuid.UUID, found a second"));
}

TEST_CASE("python_types: a Decimal is read if CPython reads it") {
  auto number = [](const std::string& text) {
    return shown("cdecimal\nDecimal\n(V" + text + "\ntR.");
  };
  for (auto right : {"0", "-1.50", ".5", "5.", "1E+3", "1e-7", "NaN", "-sNaN12", "Infinity", "inf",
                     "1E+999999999999999999", "0E-1999999999999999997"})
    CHECK(number(right) == "Decimal('"s + right + "')");
  for (auto wrong : {"", "abc", "1.2.3", "E5", "1E", "1E+", "--1", "NaN.1", "Infinityx",
                     "1E+1000000000000000000", "10E+999999999999999999", "1E-1999999999999999998",
                     "1E+99999999999999999999"})
    CHECK(number(wrong).ends_with("expected the text of a number for a decimal.Decimal"));
}

TEST_CASE("python_types: an object of the user's class is read in every form that CPython writes, "
          "and sent back") {
  auto types = python_types{}.add("shop", "Order");
  auto order = value::object({.module = "shop",
                              .name = "Order",
                              .made_by = patio::construction::new_only,
                              .state = value::dict({{"id", 7}})});
  for (auto form :
       {"ccopy_reg\n_reconstructor\n(cshop\nOrder\nc__builtin__\nobject\nNtR(Vid\nI7\ndb.",
        "cshop\nOrder\n)\x81}Vid\nI7\nsb.",
        "ccopy_reg\n__newobj__\n(cshop\nOrder\ntR(Vid\nI7\ndb."})
    CHECK(identical(*taken(form, types), order));
  CHECK(shown(sent(order, types), types) == "<shop.Order {'id': 7}>");
  CHECK(shown("cshop\nOrder\n(I1\ntR(I2\ne(I3\nI4\nu(Vid\nI7\ndb.", types)
        == "<shop.Order (1,) [2] {3: 4} {'id': 7}>");
  CHECK(shown("cshop\nOrder\n)R}b(I2\ne.", types).ends_with("before its entries and state"));
  CHECK(shown("cshop\nOrder\n)R.", python_types::standard())
        == "byte 0: class shop.Order is not accepted");
  auto raised =
    patio::read_pickle("cshop\nOrder\n(I1\ntR.", {}, patio::unknown_class::as_exception, types);
  CHECK(identical(*raised, value::exception("shop.Order", {1})));
}

TEST_CASE("python_types: an object that contains itself is refused") {
  auto types = python_types{}.add("shop", "Order");
  CHECK(shown("cshop\nOrder\n)\x81q\x01}Vme\nh\x01sb.", types)
          .ends_with("changed after it was shared; cycles are not accepted"));
  CHECK(shown("ccollections\nOrderedDict\n)Rq\x01Vme\nh\x01s.")
          .ends_with("changed after it was shared; cycles are not accepted"));
}

TEST_CASE("python_types: repeated keys are refused if a key is an object, because only Python can "
          "compare objects") {
  auto one = "cdecimal\nDecimal\n(V1\ntR"s;
  CHECK(shown("(" + one + "I1\nI1\nI2\nd.") == "{Decimal('1'): 1, 1: 2}");
  CHECK(
    shown("(" + one + "I1\n" + one + "I2\nd.").ends_with("a dict key or a set item occurs twice"));
  CHECK(shown("(ccollections\nOrderedDict\n)RI1\nd.")
          .ends_with("expected a hashable value, found a object"));
  CHECK(shown("(cdecimal\nDecimal\n(VsNaN\ntRI1\nd.")
          .ends_with("expected a hashable value, found a object"));
}

TEST_CASE(
  "python_types: an OrderedDict with a repeated key is refused, because CPython never writes one") {
  auto dict = [](const std::string& entries) {
    return shown("ccollections\nOrderedDict\n)R(" + entries + "u.");
  };
  CHECK(dict("K\1NK\2N") == "OrderedDict([(1, None), (2, None)])");
  CHECK(dict("K\1NK\1N").ends_with("a dict key or a set item occurs twice"));
  CHECK(dict("K\1NG\x3f\xf0\0\0\0\0\0\0N"s).ends_with("a dict key or a set item occurs twice"));
  CHECK(shown("ccollections\nOrderedDict\n)RK\1NsK\1Ns.")
          .ends_with("a dict key or a set item occurs twice"));
}

TEST_CASE("python_types: a shared part counts again for each object that is checked") {
  auto many = [](const std::string& part, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) all += part;
    return all;
  };
  auto digits = "X\0\0\x10\0"s + std::string(std::size_t{1} << 20, '1') + "\x85\x94" + "0";
  auto number = "cdecimal\nDecimal\nh\0R0"s;
  CHECK(shown(digits + many(number, 50) + "N.") == "None");
  CHECK(shown(digits + many(number, 100) + "N.").ends_with("more than 67108864 bytes of memory"));
  std::string state = "}(";
  for (char i = 0; i < 100; ++i) state += "X\2\0\0\0a"s + i + "N";
  state += "u\x94" + "0"s;
  auto object = "ccollections\nOrderedDict\n)Rh\0b0"s;
  CHECK(shown(state + many(object, 50) + "N.") == "None");
  CHECK(shown(state + many(object, 10'000) + "N.").find(": more than ") != std::string::npos);
}

TEST_CASE("python_types: Python 2's module names are unknown from protocol 3 on, as in CPython") {
  CHECK(shown("\x80\x02"
              "c__builtin__\nset\n)R.")
        == "set()");
  CHECK(shown("\x80\x03"
              "c__builtin__\nset\n)R.")
          .ends_with("class __builtin__.set is not accepted"));
}

TEST_CASE("python_types: an invalid object made in C++ is not sent") {
  auto bad = value::object(
    {.module = "datetime", .name = "date", .args = {value::bytes("\x07\xea\x0d\x01")}});
  CHECK(sent(bad) == "expected four bytes of a date for a datetime.date");
  CHECK(sent(value::object(
          {.module = "uuid", .name = "UUID", .made_by = patio::construction::new_only}))
        == "expected a dict for a uuid.UUID");
}

TEST_CASE("python_types: shared objects stay shared, and the depth is limited") {
  auto zone = value::object({.module = "shop", .name = "Order", .args = {1}});
  auto types = python_types{}.add("shop", "Order");
  auto read = *taken(sent(value::list({zone, zone}), types), types);
  CHECK(read.items()[0].identity() == read.items()[1].identity());
  auto deep = value::object({.module = "shop", .name = "Order"});
  for (int i = 1; i < 128; ++i)
    deep = value::object({.module = "shop", .name = "Order", .state = deep});
  CHECK(identical(*taken(sent(deep, types), types), deep));
  CHECK_THROWS_AS((void)value::object({.module = "shop", .name = "Order", .state = deep}),
                  std::length_error);
}

TEST_CASE("pickle_reader: the text -0 is False, as in CPython's C reader") {
  CHECK(shown("I-0\n.") == "False");
  CHECK(shown("I0\n.") == "0");
}
