// A task module: `patio serve --module` serves its functions. apps/guide/modules.md explains how to
// write one.
#include <cstdint>
#include <optional>
#include <string>

#include <patio/module.hpp>

std::string greet(const std::string& name, std::optional<std::int64_t> times) {
  if (name.empty()) throw patio::python_error{"ValueError", {"a name is not empty"}};
  std::string text;
  for (auto left = times.value_or(1); left > 0; --left) text += "Hello " + name + "!";
  return text;
}

void patio_module(patio::registry& functions) {
  functions.add("tasks.greet", greet, {.parameters = {"name", "times"}});
}
