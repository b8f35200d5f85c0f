// A successor of tasks.cpp that lacks its functions.
#include <cstdint>

#include <patio/module.hpp>

void patio_module(patio::registry& functions) {
  functions.add("add", [](double a, double b) { return a + b; }, {.parameters = {"a", "b"}});
}
