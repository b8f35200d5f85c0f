// Compares every small call of a few functions with the result in CPython 3.11.
// tests/tools/make_type_error_vectors.py has the same functions.
#include <patio/functions/registry.hpp>

#include <doctest/doctest.h>

#include <map>

#include <patio/value/repr.hpp>

#include "json_rows.hpp"

using patio::args;
using patio::arguments;
using patio::kwargs;
using patio::value;

namespace {

using maybe = std::optional<value>;

value or_none(const maybe& v) { return v.value_or(value{}); }

value as_tuple(args rest) { return value::tuple(std::move(rest)); }

value as_dict(const kwargs& named) {
  std::vector<patio::dict_entry> entries;
  for (const auto& [name, v] : named) entries.emplace_back(name, v);
  return value::dict(std::move(entries));
}

patio::registry python_functions() {
  patio::registry r;
  r.add("none", [] { return value::tuple({}); });
  r.add("one", [](value a) { return value::tuple({a}); }, {.parameters = {"a"}});
  r.add("two", [](value a, value b) { return value::tuple({a, b}); }, {.parameters = {"a", "b"}});
  r.add("three",
        [](value a, value b, value c) {
          return value::tuple({a, b, c});
        },
        {.parameters = {"a", "b", "c"}});
  r.add("four",
        [](value a, value b, value c, value d) {
          return value::tuple({a, b, c, d});
        },
        {.parameters = {"a", "b", "c", "d"}});
  r.add("maybe", [](maybe a) { return value::tuple({or_none(a)}); }, {.parameters = {"a"}});
  r.add("some",
        [](value a, maybe b, maybe c) {
          return value::tuple({a, or_none(b), or_none(c)});
        },
        {.parameters = {"a", "b", "c"}});
  r.add("rest",
        [](value a, args more) {
          return value::tuple({a, as_tuple(std::move(more))});
        },
        {.parameters = {"a"}});
  r.add("named",
        [](value a, kwargs named) {
          return value::tuple({a, as_dict(named)});
        },
        {.parameters = {"a"}});
  auto both = [](value a, maybe b, args more, kwargs named) {
    return value::tuple({a, or_none(b), as_tuple(std::move(more)), as_dict(named)});
  };
  r.add("both", both, {.parameters = {"a", "b"}});
  r.add("anything", [](args more, kwargs named) {
    return value::tuple({as_tuple(std::move(more)), as_dict(named)});
  });
  return r;
}

arguments arguments_of(const nlohmann::json& row) {
  arguments a;
  for (const auto& n : row["args"]) a.positional.emplace_back(n.get<int>());
  for (const auto& pair : row["kwargs"])
    a.keywords.emplace_back(pair[0].get<std::string>(), pair[1].get<int>());
  return a;
}

} // namespace

TEST_CASE("function: arguments are bound, and errors are worded, as in CPython") {
  auto functions = python_functions();
  auto rows = json_rows("type_errors.jsonl");
  CHECK(rows.size() == 1122);
  for (const auto& row : rows) {
    INFO(row.dump());
    const auto* entry = functions.find(row["function"].get<std::string>());
    REQUIRE(entry);
    auto r = std::get<patio::immediate_function>(entry->run)(arguments_of(row));
    if (row.contains("result")) {
      REQUIRE_MESSAGE(r, (r ? "" : to_string(r.error())));
      CHECK(*patio::repr(*r) == row["result"].get<std::string>());
    } else {
      REQUIRE_FALSE(r);
      CHECK(to_string(r.error()) == "TypeError: " + row["error"].get<std::string>());
    }
  }
}
