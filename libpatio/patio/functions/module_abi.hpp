/// What a task module and the program that loads it must have in common. Without this check, a
/// module that was compiled for other classes would damage the program's memory.
#pragma once

#include <patio/base/api.hpp>

/// The number of the ABI of libpatio's public classes. Increase it with every change after which
/// modules must be compiled again.
#ifndef PATIO_MODULE_ABI // a test compiles a module with another number
#define PATIO_MODULE_ABI "1"
#endif

#if defined(_LIBCPP_VERSION)
#define PATIO_STANDARD_LIBRARY "libc++"
#elif defined(_GLIBCXX_DEBUG)
#define PATIO_STANDARD_LIBRARY "libstdc++ with _GLIBCXX_DEBUG"
#elif defined(_GLIBCXX_USE_CXX11_ABI) && !_GLIBCXX_USE_CXX11_ABI
#define PATIO_STANDARD_LIBRARY "libstdc++ with _GLIBCXX_USE_CXX11_ABI=0"
#else
#define PATIO_STANDARD_LIBRARY "libstdc++"
#endif

namespace PATIO_API patio {

struct module_abi {
  const char* version; ///< of the headers and of the standard library
  const void* library; ///< library_identity() as the module sees it
};

/// Returns an address that differs between two copies of libpatio in one process.
[[nodiscard]] const void* library_identity() noexcept;

} // namespace patio
