// A module that refuses to be loaded.
#include <stdexcept>

#include <patio/module.hpp>

void patio_module(patio::registry&) { throw std::runtime_error{"the model file is missing"}; }
