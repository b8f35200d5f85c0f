// A module that uses a function which nobody defines.
#include <cstdint>

#include <patio/module.hpp>

std::int64_t defined_nowhere(std::int64_t n);

void patio_module(patio::registry& functions) { functions.add("lacking", defined_nowhere); }
