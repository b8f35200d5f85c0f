#include <patio/functions/declaration.hpp>

#include <stdexcept>

#include <doctest/doctest.h>

#include <patio/functions/registry.hpp>
#include <patio/value/repr.hpp>

using patio::registry;
using patio::value;

namespace {

std::int64_t sub(std::int64_t a, std::int64_t b) { return a - b; }

/// Calls a function and returns the repr of its result, or its error.
std::string called(const registry& rpc, const char* name, patio::arguments args) {
  auto r = std::get<patio::immediate_function>(rpc.find(name)->run)(std::move(args));
  return r ? *patio::repr(*r) : to_string(r.error());
}

/// Adds `f` with this signature, and returns why it is refused.
template <class F>
std::string refusal(std::string signature, F f, patio::function_options options = {}) {
  registry rpc;
  try {
    rpc.add(std::move(signature), std::move(f), std::move(options));
  } catch (const std::invalid_argument& e) {
    CHECK(rpc.size() == 0);
    return e.what();
  }
  return "accepted";
}

} // namespace

TEST_CASE("declaration: a signature names the function, its parameters and their defaults") {
  registry rpc;
  CHECK(rpc.add("sub(a, b=0)", sub, {.doc = "a - b"}) == "sub");
  CHECK(rpc.find("sub")->signature == "(a: int, b: int = 0) -> int");
  CHECK(rpc.find("sub")->doc == "a - b");
  CHECK(called(rpc, "sub", {{44, 2}, {}}) == "42");
  CHECK(called(rpc, "sub", {{44}, {}}) == "44");
  CHECK(called(rpc, "sub", {{}, {{"b", 2}, {"a", 44}}}) == "42");
  CHECK(called(rpc, "sub", {{44}, {{"b", 2}}}) == "42");
}

TEST_CASE("declaration: wrong arguments read like Python's TypeError") {
  registry rpc;
  rpc.add("sub(a, b=0)", sub);
  CHECK(called(rpc, "sub", {}) == "TypeError: sub() missing 1 required positional argument: 'a'");
  CHECK(called(rpc, "sub", {{1}, {{"c", 2}}})
        == "TypeError: sub() got an unexpected keyword argument 'c'");
  CHECK(called(rpc, "sub", {{1}, {{"a", 2}}})
        == "TypeError: sub() got multiple values for argument 'a'");
  CHECK(called(rpc, "sub", {{1, 2, 3}, {}})
        == "TypeError: sub() takes from 1 to 2 positional arguments but 3 were given");
  CHECK(called(rpc, "sub", {{1, "2"}, {}}) == "TypeError: sub() argument 'b' must be int, not str");
}

TEST_CASE("declaration: a default may be any Python literal that fits the parameter") {
  registry rpc;
  rpc.add("f( a = (1, ',)'), b=[] , c = {'k': \"it's\"}, *rest, **more )",
          [](std::pair<int, std::string> a, std::vector<int> b, value c, patio::args rest,
             patio::kwargs more) {
            return std::tuple{a, b, c, rest.size(), more.size()};
          });
  CHECK(called(rpc, "f", {}) == R"(((1, ',)'), [], {'k': "it's"}, 0, 0))");
  CHECK(rpc.find("f")->signature
        == R"((a: tuple = (1, ',)'), b: list = [], c: object = {'k': "it's"}, *rest, **more))"
           " -> tuple");
  rpc.add("g()", [] { return 1; });
  CHECK(called(rpc, "g", {}) == "1");
  rpc.add("h(a=None, b=2)", [](std::optional<int> a, int b) { return a.value_or(b); });
  CHECK(called(rpc, "h", {}) == "2");
  CHECK(rpc.find("h")->signature == "(a: int or None = None, b: int = 2) -> int");
}

TEST_CASE("declaration: the parameters must fit those of the C++ function") {
  CHECK(refusal("sub(a)", sub) == "sub() has 2 parameters in C++, but 1 is declared");
  CHECK(refusal("sub(a, b, c)", sub) == "sub() has 2 parameters in C++, but 3 are declared");
  CHECK(refusal("sub(a, a)", sub) == "sub() has two parameters named 'a'");
  CHECK(refusal("sub(a, b='x')", sub) == "sub() has a default for 'b' that must be int, not str");
  CHECK(refusal("sub(a=1, b)", sub)
        == "sub() has the parameter 'b' without a default after one with a default");
  CHECK(refusal("sub(a, *b)", sub) == "sub() has the C++ parameter int where *b is declared");
  CHECK(refusal("f(a)", [](patio::args) {})
        == "f() has the C++ parameter patio::args where a is declared");
  CHECK(refusal("f(*a)", [](patio::kwargs) {})
        == "f() has the C++ parameter patio::kwargs where *a is declared");
  CHECK(refusal("f(a, b=1)", [](int, std::optional<int>) {}) == "accepted");
}

TEST_CASE("declaration: a signature that is not well-formed is refused") {
  auto f = [](int) {};
  CHECK(refusal("f)", f) == "a signature is like 'sub(a, b=0)', not 'f)'");
  CHECK(refusal("(a)", f) == "a signature is like 'sub(a, b=0)', not '(a)'");
  CHECK(refusal("f(a,,b)", f) == "f(): a parameter is missing before a comma");
  CHECK(refusal("f(1)", f) == "f(): a parameter is like a, b=0, *args or **kwargs, not '1'");
  CHECK(refusal("f(***a)", f) == "f(): a parameter is like a, b=0, *args or **kwargs, not '***a'");
  CHECK(refusal("f(a b)", f) == "f(): a parameter is like a, b=0, *args or **kwargs, not 'a b'");
  CHECK(refusal("f(*)", f) == "f(): a parameter is like a, b=0, *args or **kwargs, not '*'");
  CHECK(refusal("f(*a=1)", [](patio::args) {}) == "f(): '*a' cannot have a default");
  CHECK(
    refusal("f(a=)", f)
    == "f(): the default of 'a' must be a Python literal, such as 0, 'text' or None: at byte 0: "
       "expected a value, found the end");
  CHECK(refusal("f(a=os)", f).starts_with("f(): the default of 'a' must be a Python literal"));
  CHECK(refusal("f(a='b)", f).starts_with("f(): the default of 'a' must be a Python literal"));
  CHECK(refusal("f(a)", f, {.parameters = {"a"}})
        == "f(): its signature already names the parameters, so leave options.parameters empty");
  CHECK(refusal("f(a)", f, {.doc = "\xff"}) == "f(): doc must be UTF-8 of at most 4096 bytes");
}

TEST_CASE("declaration: the options may declare parameters with defaults as well") {
  registry rpc;
  rpc.add("sub", sub, {.parameters = {"a", "b = 0"}});
  CHECK(rpc.find("sub")->signature == "(a: int, b: int = 0) -> int");
  rpc.add<&sub>("minus", {.parameters = {"a"}});
  CHECK(rpc.find("minus")->signature == "(a: int, arg2: int) -> int");
}
