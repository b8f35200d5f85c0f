/// Public header of everything that works without CAF: values, their conversion to and from C++
/// types, pickles, functions by name, errors.
#pragma once

#include <patio/convert/convert.hpp>
#include <patio/functions/pack_arguments.hpp>
#include <patio/functions/registry.hpp>
#include <patio/pickle/pickle.hpp>
#include <patio/value/error.hpp>
#include <patio/value/python_types.hpp>
#include <patio/value/repr.hpp>
#include <patio/value/value.hpp>
