/// Public header of the C++ types for Python's dates, times, Decimal, UUID and OrderedDict, and for
/// objects of your own Python classes.
#pragma once

#include <patio/convert/python_values.hpp>
