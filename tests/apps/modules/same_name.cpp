// A module with a function that tasks.cpp has too, and one that the demo has too.
#include <cstdint>

#include <patio/module.hpp>

void patio_module(patio::registry& functions) {
  functions.add("version", [] { return std::int64_t{1}; });
  functions.add("mul", [](std::int64_t a, std::int64_t b) { return a * b; });
}
