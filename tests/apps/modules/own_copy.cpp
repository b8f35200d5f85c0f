// A module that contains a copy of libpatio, as far as the loader can see.
#include <cstdint>

#include <patio/core.hpp>
#include <patio/functions/module_abi.hpp>

extern "C" [[gnu::visibility("default")]] patio::module_abi patio_module_abi() noexcept {
  static const char own = 0;
  return {"module ABI " PATIO_MODULE_ABI ", " PATIO_STANDARD_LIBRARY, &own};
}

extern "C" [[gnu::visibility("default")]] void patio_module(patio::registry& functions) {
  functions.add("one", [] { return std::int64_t{1}; });
}
