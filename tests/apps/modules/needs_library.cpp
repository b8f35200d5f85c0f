// A module that is linked with a library which the dynamic linker does not find.
#include <cstdint>

#include <patio/module.hpp>

extern "C" int answer();

void patio_module(patio::registry& functions) {
  functions.add("answer", [] { return std::int64_t{answer()}; });
}
