// A module without functions.
#include <patio/module.hpp>

void patio_module(patio::registry&) {}
