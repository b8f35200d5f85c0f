/// Public header of task modules: shared libraries whose functions `patio serve --module` serves.
/// A module defines one function, which adds functions to the registry that it gets:
///
///   #include <patio/module.hpp>
///
///   void patio_module(patio::registry& functions) {
///     functions.add("add", [](std::int64_t a, std::int64_t b) { return a + b; });
///   }
///
/// An exception from patio_module refuses the module, and its text says why.
#pragma once

#include <patio/core.hpp>
#include <patio/functions/module_abi.hpp>

/// The module defines this function. The declaration makes the definition `extern "C"`, and exports
/// it even with -fvisibility=hidden.
extern "C" [[gnu::visibility("default")]] void patio_module(patio::registry& functions);

/// The program calls this function before patio_module. Each module has its own, because the
/// program asks for the symbol of that module. A variable would be shared: the dynamic linker
/// unifies inline variables.
extern "C" [[gnu::visibility("default"), gnu::used]] inline patio::module_abi
patio_module_abi() noexcept {
  return {"module ABI " PATIO_MODULE_ABI ", " PATIO_STANDARD_LIBRARY, patio::library_identity()};
}
