/// Public: Python's dates, times, Decimal and UUID, and structs as objects of Python classes, as
/// C++ types.
#pragma once

#include <patio/convert/python_values.hpp>
