// A module that does not include <patio/module.hpp>, so nothing tells its ABI.
namespace patio {
class registry;
}

extern "C" [[gnu::visibility("default")]] void patio_module(patio::registry&) {}
