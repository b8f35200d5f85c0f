#include <patio/functions/function.hpp>

#include <doctest/doctest.h>

#include <new>
#include <stdexcept>

#include <patio/functions/registry.hpp>

using patio::arguments;
using patio::registry;
using patio::result;
using patio::value;

namespace {

/// Registers `f` and calls it.
template <class F>
result<value> run(F f, arguments call, patio::function_options options = {}) {
  registry r;
  r.add("f", std::move(f), std::move(options));
  return std::get<patio::immediate_function>(r.find("f")->run)(std::move(call));
}

template <class F>
std::string error_of(F f, arguments call, patio::function_options options = {}) {
  auto r = run(std::move(f), std::move(call), std::move(options));
  return r ? "no error" : to_string(r.error());
}

struct throwing {
  int x = 0;
};

int plain(int a) noexcept { return a + 1; }

} // namespace

template <>
struct patio::converter<throwing> { ///< throws in both directions
  static value to(const throwing& t) {
    if (t.x == 1) throw std::runtime_error{"no way to Python"};
    return t.x;
  }
  static result<throwing> from(const value& v) {
    if (v.as_int64() == 2) throw std::runtime_error{"no way from Python"};
    return throwing{static_cast<int>(*v.as_int64())};
  }
  static std::string name() { return "int"; }
};

TEST_CASE("function: arguments are converted to the types of the parameters, and results back") {
  auto join = [](const std::string& a, std::vector<int> b, std::optional<bool> c) {
    return a + std::to_string(b.size()) + (c ? "!" : "");
  };
  CHECK(run(join, {{"n", value::list({1, 2})}, {}}) == value{"n2"});
  CHECK(run(join, {{"n", value::tuple({1}), true}, {}}) == value{"n1!"});
  CHECK(run(plain, {{41}, {}}) == value{42});
  CHECK(run(&plain, {{41}, {}}) == value{42});
  CHECK(run([](int) {}, {{1}, {}}) == value{});
  CHECK(run(std::function<int(int)>{plain}, {{1}, {}}) == value{2});
}

TEST_CASE("function: a wrong type names the function, the parameter and both types") {
  auto f = [](int, std::string) {};
  CHECK(error_of(f, {{"1", "b"}, {}}) == "TypeError: f() argument 'arg1' must be int, not str");
  CHECK(error_of(f, {{1, 2}, {}}) == "TypeError: f() argument 'arg2' must be str, not int");
  CHECK(error_of(f, {{"1", 2}, {}}, {.parameters = {"count", "name"}})
        == "TypeError: f() argument 'count' must be int, not str");
  CHECK(error_of(f, {{1}, {{"name", 2}}}, {.parameters = {"count", "name"}})
        == "TypeError: f() argument 'name' must be str, not int");
  CHECK(error_of([](std::int8_t) {}, {{300}, {}})
        == "TypeError: f() argument 'arg1' must be int in the range -128 to 127");
  CHECK(error_of([](std::optional<int>) {}, {{"x"}, {}})
        == "TypeError: f() argument 'arg1' must be int, not str");
  CHECK(error_of([](std::vector<int>) {}, {{value::list({1, "x"})}, {}})
        == "TypeError: f() argument arg1[1] must be int, not str");
}

TEST_CASE("function: parameters without a name are called by their position") {
  auto f = [](int, int, int) {};
  CHECK(error_of(f, {{}, {}}, {.parameters = {"x"}})
        == "TypeError: f() missing 3 required positional arguments: 'x', 'arg2', and 'arg3'");
  CHECK(error_of(f, {{1}, {{"arg3", 1}}}, {.parameters = {"x"}})
        == "TypeError: f() missing 1 required positional argument: 'arg2'");
}

TEST_CASE("function: too many parameter names, or a repeated name, are refused when the function "
          "is added") {
  patio::registry rpc;
  CHECK_THROWS_WITH_AS(rpc.add("f", [](int) {}, {.parameters = {"a", "b"}}),
                       "f() has 1 parameter in C++, but 2 are declared", std::invalid_argument);
  CHECK_THROWS_WITH_AS(rpc.add("f", [](int, int) {}, {.parameters = {"a", "a"}}),
                       "f() has two parameters named 'a'", std::invalid_argument);
  CHECK(rpc.names().empty());
}

TEST_CASE("function: *args and **kwargs keep the caller's order") {
  auto f = [](patio::args a, patio::kwargs k) {
    std::string all;
    for (const auto& v : a) all += v.text();
    for (const auto& [name, v] : k) all += name + "=" + std::string{v.text()};
    return all;
  };
  CHECK(run(f, {{"x", "y"}, {{"b", "1"}, {"a", "2"}}}) == value{"xyb=1a=2"});
  CHECK(run(f, {}) == value{""});
}

TEST_CASE("function: every exception becomes the error that Python would see") {
  CHECK(error_of([]() -> int { throw std::invalid_argument{"bad"}; }, {}) == "ValueError: bad");
  CHECK(error_of(
          []() {
            throw patio::python_error{"LookupError", {"gone", 1}};
          },
          {})
        == "LookupError: ('gone', 1)");
  CHECK(error_of([]() { throw std::bad_alloc{}; }, {}) == "MemoryError: std::bad_alloc");
  CHECK(error_of([]() { throw 7; }, {})
        == "RuntimeError: a C++ exception that is not a std::exception");
}

TEST_CASE("function: an exception in a converter is answered as well") {
  auto f = [](throwing t) { return t; };
  CHECK(run(f, {{3}, {}}) == value{3});
  CHECK(error_of(f, {{1}, {}}) == "RuntimeError: std::runtime_error: no way to Python");
  CHECK(error_of(f, {{2}, {}}) == "RuntimeError: std::runtime_error: no way from Python");
}

TEST_CASE("function: a result that Python cannot hash is a ValueError") {
  CHECK(error_of([] { return std::set<std::vector<int>>{{1}}; }, {})
        == "ValueError: unhashable type: 'list' in a set");
}

TEST_CASE("function: a result may have any convertible type, including a reference type") {
  static const std::string kept = "kept";
  CHECK(run([]() -> const std::string& { return kept; }, {}) == value{"kept"});
  CHECK(run([]() -> std::optional<int> { return {}; }, {}) == value{});
  CHECK(run([](value v) { return v; }, {{value::set({1})}, {}}) == value::set({1}));
}

TEST_CASE("function: arguments arrive without a copy") {
  auto list = value::list({1, 2, 3});
  auto identity = list.identity();
  CHECK(run([identity](value v) { return v.identity() == identity; }, {{list}, {}}) == value{true});
  CHECK(run([identity](patio::args a) { return a[0].identity() == identity; }, {{list}, {}})
        == value{true});
}

TEST_CASE("function: the signature reads like Python's annotations") {
  registry r;
  r.add("f",
        [](int, std::string, std::optional<double>, patio::args, patio::kwargs) { return true; },
        {.parameters = {"a", "b"}});
  r.add("g", [] {});
  r.add("h", [](std::variant<int, std::string>, std::map<std::string, int>) {
    return std::vector<int>{};
  });
  CHECK(r.find("f")->signature == "(a: int, b: str, arg3: float or None, *args, **kwargs) -> bool");
  CHECK(r.find("g")->signature == "()");
  CHECK(r.find("h")->signature == "(arg1: int or str, arg2: dict) -> list");
}
