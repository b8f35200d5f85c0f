#include "module_loader.hpp"

#include <dlfcn.h>

#include <string_view>

#include <patio/functions/python_error.hpp>
#include <patio/module.hpp>

namespace patio::apps {
namespace {

std::string loader_reason(const std::string& path) {
  std::string text = ::dlerror();
  if (text.starts_with(path + ": ")) text.erase(0, path.size() + 2);
  if (text.find("undefined symbol") != std::string::npos)
    text += " (was it compiled for another version of patio, or not linked with a library?)";
  if (text.find("cannot open shared object file") != std::string::npos)
    text +=
      " (it was linked with this library; $ORIGIN in its RUNPATH has no effect, because it is "
      "loaded from a copy in memory)";
  return text;
}

template <class Function>
Function* symbol(void* library, const char* name) {
  return reinterpret_cast<Function*>(::dlsym(library, name));
}

result<void> check_abi(void* library) {
  auto* abi_of_module = symbol<decltype(patio_module_abi)>(library, "patio_module_abi");
  if (!abi_of_module)
    return fail(errc::invalid, "it has no function patio_module_abi: include <patio/module.hpp>");
  auto theirs = abi_of_module(), ours = patio_module_abi();
  if (theirs.version != std::string_view{ours.version})
    return fail(errc::invalid, "it was compiled for " + std::string{theirs.version}
                                 + ", and this program has " + ours.version
                                 + ": compile it with the headers of this program's version");
  if (theirs.library != ours.library)
    return fail(errc::invalid, "it contains a copy of libpatio: link it with the shared library, "
                               "or leave libpatio's symbols undefined");
  return {};
}

} // namespace

// RTLD_LOCAL keeps the symbols of two modules apart. RTLD_NOW finds missing symbols here, and not
// in the middle of a call or after the confinement of a worker.
result<registry> load_module(int fd) try {
  auto path = "/proc/self/fd/" + std::to_string(fd);
  auto* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) return fail(errc::invalid, loader_reason(path));
  auto* add_functions = symbol<decltype(patio_module)>(library, "patio_module");
  if (!add_functions)
    return fail(errc::invalid, "it has no function patio_module: define `extern \"C\" void "
                               "patio_module(patio::registry& functions)`");
  if (auto fits = check_abi(library); !fits) return tl::unexpected(std::move(fits.error()));
  registry functions;
  add_functions(functions);
  if (functions.size() == 0)
    return fail(errc::invalid, "its patio_module has added no functions to the registry");
  return functions;
} catch (...) {
  return fail(errc::invalid, "its patio_module has thrown " + to_string(current_exception_error()));
}

} // namespace patio::apps
