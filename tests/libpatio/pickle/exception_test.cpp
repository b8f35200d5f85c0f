// What an exception may carry: stand-ins for what cannot be decoded, within the budget.
#include <doctest/doctest.h>

#include "pickle/testing.hpp"

using namespace std::string_literals;
using patio::construction;
using patio::unknown_class;
using patio::value;

namespace {

std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}

patio::result<value> received(const std::string& pickle, const patio::pickle_limits& limits = {}) {
  return patio::read_pickle("\x80\5" + pickle + ".", limits, unknown_class::as_exception);
}

const std::string value_error = global("builtins", "ValueError");

} // namespace

TEST_CASE("exception: an OSError keeps its file names beside its arguments") {
  auto v = *received(global("builtins", "OSError") + "(K\2Vgone\nVa\nNVb\ntR");
  CHECK(v == value::exception("builtins.FileNotFoundError", {2, "gone"}));
  REQUIRE(v.exception_file_names().size() == 2);
  CHECK(v.exception_file_names()[0] == value{"a"});
  CHECK(v.exception_file_names()[1] == value{"b"});
  CHECK(value::exception("builtins.OSError", {2, "x", "a"}).exception_file_names().empty());
}

TEST_CASE("exception: an OSError leaves with its file names, byte for byte as CPython writes it") {
  for (const auto* arguments : {"K\2\x8c\4gone\x94\x8c\1a\x94\x87\x94R\x94.",
                                "(K\2\x8c\4gone\x94\x8c\1a\x94N\x8c\1b\x94t\x94R\x94."}) {
    auto pickle = "\x8c\x08"
                  "builtins\x94\x8c\x11"
                  "FileNotFoundError\x94\x93\x94"s
                  + arguments;
    auto v = patio::read_pickle(pickle);
    REQUIRE_MESSAGE(v, v.error().message);
    CHECK(written(*v).ends_with(pickle));
  }
}

TEST_CASE("exception: a class or a function that it carries is a stand-in, and nothing else") {
  auto v = *received(value_error + global("app", "Order") + "\x85R");
  const auto& stand_in = v.exception_args()[0].as_object();
  CHECK(stand_in.module == "app");
  CHECK(stand_in.name == "Order");
  CHECK(stand_in.made_by == construction::none);
  CHECK(to_str(v) == "<class 'app.Order'>");
  CHECK(refusal("]" + global("app", "Order") + "a.", {}, unknown_class::as_exception)
        == "byte 12: expected plain data, found a class");
  CHECK(refusal("]" + global("app", "Order")
                  + ")\x81"
                    "a.",
                {}, unknown_class::as_exception)
        == "byte 13: class app.Order is not accepted");
}

TEST_CASE("exception: objects that it carries are stand-ins with their parts") {
  auto shown = [](const std::string& part) {
    auto v = received(value_error + part + "\x85R");
    return v ? to_str(*v) : v.error().message;
  };
  auto order = global("app", "Order");
  CHECK(shown(order + "K\1\x85\x81") == "<app.Order (1,)>");
  CHECK(shown(order + ")}Va\nK\1s\x92") == "<app.Order ({'a': 1},)>");
  CHECK(shown(order + ")\x81}Vn\nK\5sb") == "<app.Order {'n': 5}>");
  CHECK(shown(order
              + ")\x81N}Vn\nK\5s\x86"
                "b")
        == "<app.Order (None, {'n': 5})>");
  CHECK(shown(global("app", "List") + ")\x81(K\1K\2e") == "<app.List [1, 2]>");
  CHECK(shown(global("app", "List") + ")R(K\1K\2e") == "<app.List [1, 2]>");
  CHECK(shown(global("app", "Dict") + ")RK\1K\2s") == "<app.Dict {1: 2}>");
  CHECK(shown(global("functools", "partial") + order + "\x85R(" + order + ")}NtbK\1\x85R")
        == "<app.Order (1,)>");
  CHECK(shown(global("builtins", "getattr") + order + "Vx\n\x86R")
        == "getattr(<class 'app.Order'>, 'x')");
}

TEST_CASE("exception: a part that refers to itself ends in a copy of itself") {
  auto v = *received(value_error + "Vx\n\x85R\x94}(V__notes__\n]Vn\naVitself\nh\0ub"s);
  CHECK(identical(v, value::exception("builtins.ValueError", {"x"}, {"n"})));
  auto object = global("app", "Order") + ")\x81\x94}Vme\nh\0sb"s;
  CHECK(to_str(*received(value_error + object + "\x85R")) == "<app.Order {'me': <app.Order>}>");
}

TEST_CASE("exception: what a limit cuts off leaves the class and what was read, and says why") {
  auto salvaged = [](const std::string& pickle, const patio::pickle_limits& limits = {}) {
    auto v = received(pickle, limits);
    REQUIRE_FALSE(v);
    CHECK(v.error().code == patio::errc::undecodable);
    return v.error();
  };
  auto deep = std::string(130, ']') + std::string(129, 'a');
  auto e = salvaged(value_error + "Vbad\n" + deep + "\x86R");
  CHECK(e.exceeded == patio::limit::pickle_depth);
  CHECK(e.exception.exception_type() == "builtins.ValueError");
  CHECK(e.exception.exception_args()[0] == value{"bad"});
  CHECK(to_str(e.exception).find("nested deeper than 128") != std::string::npos);
  auto many = "(" + std::string(5000, 'N') + "t";
  CHECK(salvaged(global("app", "Quota") + many + "R", {.nodes = 100}).exception.exception_type()
        == "app.Quota");
  auto noted = value_error + "Vx\n\x85R}(V__notes__\n]Vn\naVdeep\n";
  e = salvaged(noted + deep + "ub");
  CHECK(to_str(e.exception) == "x");
  REQUIRE(e.exception.exception_notes().size() == 2);
  CHECK(e.exception.exception_notes()[0] == value{"n"});
  CHECK(salvaged(value_error + "Vx\n" + "P1\n").exception.kind() == patio::kind::exception);
  CHECK(salvaged(value_error + "\x8f(]\x90\x85R").exception.kind() == patio::kind::exception);
}

TEST_CASE("exception: a stand-in is at most as deep as any value") {
  auto deep = [](int levels) {
    auto list = std::string(static_cast<std::size_t>(levels), ']');
    return list + std::string(static_cast<std::size_t>(levels) - 1, 'a');
  };
  auto order = global("app", "Order");
  for (const auto& behind :
       {")" + deep(128) + "\x92", ")\x81" + deep(128) + "b", deep(127) + "\x85\x81",
        ")R(" + deep(128) + "e", ")\x81N" + deep(128) + "s"}) {
    auto v = received(order + behind);
    if (v) CHECK(v->depth() <= value::max_depth);
    else CHECK(v.error().exceeded == patio::limit::pickle_depth);
  }
}

TEST_CASE("exception: bytes that no pickler writes, and other values, leave nothing") {
  for (const auto& pickle :
       {value_error + "\x8c\x7f", value_error + "\xff", value_error + "h\5", value_error + "\x86",
        global("builtins", "set") + "P1\n", "]" + value_error + "P1\n"}) {
    auto v = received(pickle);
    REQUIRE_FALSE(v);
    CHECK(v.error().exception.is_none());
  }
  CHECK(patio::read_pickle(value_error + "P1\n.").error().exception.is_none());
}

TEST_CASE("exception: a factory in place of the class gives the class that it gets") {
  auto made = global("app", "_rebuild") + global("app", "Quota");
  CHECK(*received(made + "K\1\x86R") == value::exception("app.Quota", {1}));
  CHECK(*received(made + "K\1K\2\x86\x86R") == value::exception("app.Quota", {1, 2}));
  CHECK(*received(global("app", "_rebuild") + "K\1\x85R") == value::exception("app._rebuild", {1}));
  CHECK(received(global("app", "Invalid") + global("builtins", "int") + "\x85R")->exception_type()
        == "app.Invalid");
}

TEST_CASE("exception: objects cost their share of the budget") {
  std::string many = value_error + "(";
  for (int i = 0; i < 2000; ++i) many += global("app", "Order") + ")\x81";
  CHECK(received(many + "tR", {.memory_bytes = 100'000}).error().exceeded
        == patio::limit::pickle_memory_bytes);
}

TEST_CASE("exception: a message names the part that matters, however large the rest is") {
  auto large = std::string(1'000'000, 'x');
  auto message = [](std::string type, std::vector<value> args) {
    return to_str(value::exception(std::move(type), std::move(args)));
  };
  CHECK(message("builtins.UnicodeDecodeError",
                {"utf-8", value::bytes(large + "\xff"), 1'000'000, 1'000'001, "invalid start byte"})
        == "'utf-8' codec can't decode byte 0xff in position 1000000: invalid start byte");
  CHECK(message("builtins.UnicodeEncodeError",
                {"ascii", large + "\u20ac", 1'000'000, 1'000'001, "ordinal not in range(128)"})
        == "'ascii' codec can't encode character '\\u20ac' in position 1000000: ordinal not in "
           "range(128)");
  CHECK(message("json.decoder.JSONDecodeError", {"Expecting value", "[\n" + large, 4})
        == "Expecting value: line 2 column 3 (char 4)");
  CHECK(message("builtins.ExceptionGroup",
                {"many", value::list({value::exception("builtins.ValueError", {large})})})
        == "many (1 sub-exception)");
  CHECK(message("builtins.UnicodeDecodeError", {"utf-8", value::bytes(large), -1, 0, "no"}).size()
        < 1000);
  CHECK(message("json.decoder.JSONDecodeError", {"Expecting value", large, -1}).size() < 1000);
}
