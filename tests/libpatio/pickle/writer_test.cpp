#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

#include <patio/value/integer.hpp>

#include "pickle/testing.hpp"

using namespace std::string_literals;
using patio::integer;
using patio::value;

namespace {

std::string hex_of(const value& v) { return to_hex(written(v)); }

/// Returns the part of a short pickle between its frame's header and STOP.
std::string body_of(const value& v) {
  auto pickle = written(v);
  return pickle.substr(11, pickle.size() - 12);
}

value raised(const std::string& type, std::vector<value> args, std::vector<value> notes = {}) {
  return value::exception("builtins." + type, std::move(args), std::move(notes));
}

} // namespace

TEST_CASE("pickle::writer: the payloads of a session equal CPython's byte for byte") {
  CHECK(hex_of({}) == "80054e2e");
  CHECK(hex_of(6) == "80054b062e");
  CHECK(hex_of(value::list({})) == "80055d942e");
  CHECK(hex_of(value::list({"mul", "div", "echo"}))
        == "80059518000000000000005d94288c036d756c948c03646976948c046563686f94652e");
  auto token = written(value::bytes(from_hex("000102030405060708090a0b0c0d0e0f")));
  CHECK(to_hex(token) == "80059514000000000000004310000102030405060708090a0b0c0d0e0f942e");
  auto digest = from_hex("37816caf501c4c9417010d1e0f4475386d1b7b6550da861be8a7a8bbe7932504");
  CHECK(hex_of(value::tuple({value::bytes("\1\2\3\4"), value::bytes(digest), value::bytes(token)}))
        == "8005954f00000000000000430401020304944320" + to_hex(digest) + "94431f" + to_hex(token)
             + "9487942e");
  CHECK(hex_of(raised("ValueError", {"m"}))
        == "80059523000000000000008c086275696c74696e73948c0a56616c75654572726f729493948c016d9485945"
           "2942e");
}

TEST_CASE("pickle::writer: calls equal CPython's byte for byte") {
  CHECK(to_hex(written(patio::call_request{"mul", {{2, 3}, {}}, {}}))
        == "80059563000000000000008c17706174696f2e62726f6b65722e7463702e62726f6b6572948c0b43616c6c5"
           "26571756573749493942981947d94288c046675"
           "6e63948c036d756c948c0461726773944b024b0386948c066b7761726773947d948c0774696d656f7574944"
           "e75622e");
  auto echo = patio::call_request{"echo", {{1, "a"}, {{"k", value::list({1, 2})}}}, {}};
  CHECK(to_hex(written(echo))
        == "80059573000000000000008c17706174696f2e62726f6b65722e7463702e62726f6b6572948c0b43616c6c5"
           "26571756573749493942981947d94288c046675"
           "6e63948c046563686f948c0461726773944b018c01619486948c066b7761726773947d948c016b945d94284"
           "b014b0265738c0774696d656f7574944e75622e");
  auto call = patio::call_request{"f", {{}, {{"args", 1}, {"f", 2}}}, 0.5};
  CHECK(written(call).ends_with(
    "\x8c\4args\x94)\x8c\6kwargs\x94}\x94(h\7K\1h\6K\2u\x8c\7timeout\x94G\x3f\xe0\0\0\0\0\0\0ub."s));
}

TEST_CASE("pickle::writer: a number is written with its shortest opcode") {
  CHECK(hex_of(true) == "8005882e");
  CHECK(hex_of(false) == "8005892e");
  CHECK(hex_of(255) == "80054bff2e");
  CHECK(body_of(256) == "M\0\1"s);
  CHECK(body_of(65535) == "M\xff\xff");
  CHECK(body_of(65536) == "J\0\0\1\0"s);
  CHECK(body_of(-1) == "J\xff\xff\xff\xff");
  CHECK(body_of(std::numeric_limits<std::int32_t>::min()) == "J\0\0\0\x80"s);
  CHECK(body_of(std::int64_t{1} << 31) == "\x8a\5\0\0\0\x80\0"s);
  CHECK(body_of(std::numeric_limits<std::int64_t>::min()) == "\x8a\x08\0\0\0\0\0\0\0\x80"s);
  CHECK(body_of(integer{2}.pow(64)) == "\x8a\x09\0\0\0\0\0\0\0\0\1"s);
  CHECK(body_of(integer{2}.pow(2040)) == "\x8b\0\1\0\0"s + std::string(255, '\0') + "\1");
  CHECK(body_of(-0.0) == "G\x80\0\0\0\0\0\0\0"s);
  CHECK(
    body_of(std::complex{1.0, -0.0})
    == "\x8c\x08"
       "builtins\x94\x8c\7complex\x94\x93\x94G\x3f\xf0\0\0\0\0\0\0G\x80\0\0\0\0\0\0\0\x86\x94R\x94"s);
}

TEST_CASE("pickle::writer: containers are written with CPython's opcodes") {
  CHECK(hex_of(value::tuple({})) == "8005292e");
  CHECK(body_of(value::tuple({1})) == "K\1\x85\x94");
  CHECK(body_of(value::tuple({1, 2, 3})) == "K\1K\2K\3\x87\x94");
  CHECK(body_of(value::tuple({1, 2, 3, 4})) == "(K\1K\2K\3K\4t\x94");
  CHECK(body_of(value::list({1})) == "]\x94K\1a");
  CHECK(body_of(value::dict({{1, 2}})) == "}\x94K\1K\2s");
  CHECK(body_of(value::dict({{1, 2}, {3, 4}})) == "}\x94(K\1K\2K\3K\4u");
  CHECK(body_of(value::set({1})) == "\x8f\x94(K\1\x90");
  CHECK(body_of(value::frozenset({})) == "(\x91\x94");
  CHECK(body_of(value::bytearray("a")) == "\x96\1\0\0\0\0\0\0\0a\x94"s);
}

TEST_CASE("pickle::writer: long containers are written in batches of a thousand, as in CPython") {
  auto marks = [](const value& v) {
    auto pickle = written(v);
    return std::count(pickle.begin(), pickle.end(), '(');
  };
  auto list = [](std::size_t n) { return value::list(std::vector<value>(n)); };
  auto set = [](int n) {
    std::vector<value> items;
    for (int i = 0; i < n; ++i) items.emplace_back(std::to_string(i));
    return value::set(items);
  };
  CHECK(marks(list(1000)) == 1);
  CHECK(marks(list(1001)) == 2);
  CHECK(marks(set(999)) == 1);
  CHECK(marks(set(1000)) == 2); // CPython writes an empty batch here
  CHECK(written(set(1000)).ends_with("\x90(\x90."));
}

TEST_CASE("pickle::writer: shared parts and equal short texts are written once") {
  auto inner = value::list({1});
  CHECK(body_of(value::tuple({inner, inner})) == "]\x94K\1ah\0\x86\x94"s);
  CHECK(body_of(value::tuple({"ab", "ab"})) == "\x8c\2ab\x94h\0\x86\x94"s);
  CHECK(body_of(value::tuple({"ab", value::bytes("ab")}))
        == "\x8c\2ab\x94"
           "C\2ab\x94\x86\x94"s);
  std::string longer(20, 'x');
  CHECK(body_of(value::tuple({longer, longer}))
        == "\x8c\x14" + longer + "\x94\x8c\x14" + longer + "\x94\x86\x94");
  value text{longer};
  CHECK(body_of(value::tuple({text, text})) == "\x8c\x14" + longer + "\x94h\0\x86\x94"s);
  CHECK(body_of(value::tuple({value::bytearray("a"), value::bytearray("a")})).find('h')
        == std::string::npos);
}

TEST_CASE("pickle::writer: shared parts stay shared when written and read, also in a large memo "
          "with wide indexes") {
  std::vector<value> items;
  for (int i = 0; i < 1000; ++i) items.push_back(value::list({"item " + std::to_string(i)}));
  for (std::size_t i = 0; i < 1000; ++i) items.push_back(value{items[i]});
  auto once = written(value::list(items));
  auto v = *patio::read_pickle(once);
  for (std::size_t i = 0; i < 1000; ++i)
    CHECK(v.items()[i].identity() == v.items()[i + 1000].identity());
  CHECK(identical(v, value::list(items)));
  CHECK(written(v) == once);
}

TEST_CASE("pickle::writer: frames end at 64 KiB, and long texts stand between frames") {
  std::string text(65'536, 'x'), almost(65'535, 'x');
  CHECK(written(text) == "\x80\5X\0\0\1\0"s + text + "\x94.");
  CHECK(written(almost) == "\x80\5\x95\6\0\1\0\0\0\0\0X\xff\xff\0\0"s + almost + "\x94.");
  CHECK(
    written(value::tuple({almost, 1, 2})).ends_with("\x94\x95\7\0\0\0\0\0\0\0K\1K\2\x87\x94."s));
  value full = value::bytes(std::string(65'530, 'x')),
        not_full = value::bytes(std::string(65'529, 'x'));
  CHECK(written(value::tuple({full, 1, 2})).ends_with("x\x94\x95\7\0\0\0\0\0\0\0K\1K\2\x87\x94."s));
  CHECK(
    written(value::tuple({not_full, 1, 2})).ends_with("x\x94K\1\x95\5\0\0\0\0\0\0\0K\2\x87\x94."s));
  CHECK(written(value::list({value::bytearray(text), "a", "b"}))
          .starts_with("\x80\5]\x94(\x96\0\0\1\0\0\0\0\0x"s));
}

TEST_CASE("pickle::writer: exceptions that any Python peer can build keep their class") {
  CHECK(body_of(raised("KeyError", {}))
        == "\x8c\x08"
           "builtins\x94\x8c\x08KeyError\x94\x93\x94)R\x94");
  CHECK(body_of(raised("TimeoutError", {"late"}))
        == "\x8c\x12"
           "asyncio.exceptions\x94\x8c\x0cTimeoutError\x94\x93\x94\x8c\4late\x94\x85\x94R\x94");
  CHECK(body_of(raised("OSError", {2, "x", "name"})).find("OSError") != std::string::npos);
  CHECK(body_of(raised("ValueError", {"a"}, {"n", "m"}))
        == "\x8c\x08"
           "builtins\x94\x8c\nValueError\x94\x93\x94\x8c\1a\x94\x85\x94R\x94}\x94\x8c\x09__notes__"
           "\x94]\x94(\x8c\1n\x94\x8c\1m\x94"
           "esb");
  auto twice =
    value::list({raised("KeyError", {1}), raised("KeyError", {2}), raised("IndexError", {3})});
  CHECK(body_of(twice)
        == "]\x94(\x8c\x08"
           "builtins\x94\x8c\x08KeyError\x94\x93\x94K\1\x85\x94R\x94h\3K\2\x85\x94R\x94h\1\x8c\nInd"
           "exError\x94\x93\x94K\3\x85\x94R\x94"
           "e"s);
}

TEST_CASE("pickle::writer: exceptions that would harm a Python peer become RuntimeError") {
  auto substitute = [](const std::string& text) { return body_of(raised("RuntimeError", {text})); };
  CHECK(body_of(raised("StopIteration", {3})) == substitute("StopIteration: 3"));
  CHECK(body_of(raised("SystemExit", {})) == substitute("SystemExit"));
  CHECK(body_of(raised("KeyboardInterrupt", {})) == substitute("KeyboardInterrupt"));
  CHECK(body_of(raised("UnicodeDecodeError", {"x"})).find("RuntimeError") != std::string::npos);
  CHECK(body_of(raised("BlockingIOError", {11, "x", 1.5})).find("RuntimeError")
        != std::string::npos);
  CHECK(body_of(raised("OSError", {11, "x", 1.5})).find("RuntimeError") != std::string::npos);
  CHECK(body_of(raised("TimeoutError", {1, "x", 2})).find("RuntimeError") != std::string::npos);
  CHECK(body_of(value::exception("app.Quota", {"used up"})) == substitute("app.Quota: used up"));
  CHECK(body_of(value::exception("ValueError", {"no module"}))
        == substitute("ValueError: no module"));
  auto notes = body_of(value::exception("app.Quota", {"x"}, {"n"}));
  CHECK(notes.find("RuntimeError") != std::string::npos);
  CHECK(notes.ends_with("\x8c\x09__notes__\x94]\x94\x8c\1n\x94"
                        "asb"));
}

TEST_CASE("pickle::writer: a text that is not UTF-8 is refused and leaves the output unchanged") {
  std::string out = "before";
  auto done = patio::write_pickle(value::list({1, "\xff"}), out);
  REQUIRE_FALSE(done);
  CHECK(done.error().code == patio::errc::invalid);
  CHECK(out == "before");
  CHECK_FALSE(patio::write_call_request({"\xc0\xaf", {{}, {}}, {}}, out));
  CHECK_FALSE(patio::write_call_request({"f", {{}, {{"\xff", 1}}}, {}}, out));
  CHECK(out == "before");
  REQUIRE(patio::write_pickle("\xed\xa0\x80", out));
  CHECK(out == "before\x80\5\x95\7\0\0\0\0\0\0\0\x8c\3\xed\xa0\x80\x94."s);
}

TEST_CASE("pickle::writer: a call that expands too far in any part is refused") {
  value heavy = value::list({1});
  for (int i = 0; i < 9; ++i) heavy = value::list(std::vector<value>(10, heavy));
  std::string out;
  CHECK_FALSE(patio::write_call_request({"f", {{heavy}, {}}, {}}, out));
  CHECK_FALSE(patio::write_call_request({"f", {{}, {{"k", heavy}}}, {}}, out));
  CHECK_FALSE(patio::write_call_request({"f", {{}, {}}, heavy}, out));
  CHECK(out.empty());
}

TEST_CASE("pickle::writer: an exception that no peer accepts is described in brief if its text "
          "would be long") {
  value large = integer{2}.pow(65'000);
  std::vector<value> eight; // equal values in eight objects
  for (int i = 0; i < 8; ++i) eight.push_back(raised("SystemExit", std::vector<value>(127, large)));
  auto pickle = written(value::list(eight));
  CHECK(pickle.size() < 8'000);
  CHECK(pickle.find("SystemExit(<int of 8142 bytes>, <int of 8142 bytes>, ") != std::string::npos);
  auto text = std::string(100'000, 'x'); // such a text is quick to print and may be useful
  CHECK(written(raised("SystemExit", {text})).find("SystemExit: " + text) != std::string::npos);
}

TEST_CASE("pickle::writer: a pickle that exceeds max_bytes fails and leaves the output unchanged") {
  std::string out = "before";
  auto over = [&](const value& v, std::size_t longest) {
    auto done = patio::write_pickle(v, out, {}, longest);
    CHECK(out.starts_with("before"));
    if (done) return false;
    CHECK(done.error().exceeded == patio::limit::frame_bytes);
    CHECK(done.error().message
          == "the pickle takes more than " + std::to_string(longest) + " bytes");
    CHECK(out == "before");
    return true;
  };
  for (const auto& v : {value{std::string(1'000, 'x')}, value::list(std::vector<value>(500, 7)),
                        value{integer{2}.pow(8'000)}, value{},
                        value::list({value::bytes(std::string(100'000, 'x')), 7, 8})}) {
    auto size = written(v).size();
    for (std::size_t longest : {std::size_t{0}, std::size_t{1}, size / 2, size - 1})
      CHECK(over(v, longest));
    CHECK_FALSE(over(v, size));
    CHECK(out == "before" + written(v));
    out = "before";
  }
  CHECK_FALSE(
    patio::write_call_request({"f", {{std::string(1'000, 'x')}, {}}, {}}, out, {}, 1'000));
  CHECK(out == "before");
}
