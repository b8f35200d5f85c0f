// A module that crashes while it is loaded, before patio_module runs.
#include <csignal>

#include <patio/module.hpp>

namespace {

const int crashed = std::raise(SIGSEGV);

} // namespace

void patio_module(patio::registry& functions) {
  functions.add("crashed", [] { return crashed; });
}
