#include <patio/functions/module_abi.hpp>

namespace patio {
namespace {

const char identity = 0;

} // namespace

const void* library_identity() noexcept { return &identity; }

} // namespace patio
