/// The functions of `patio serve --demo`, in Python's arithmetic.
#pragma once

#include <patio/functions/registry.hpp>

namespace patio::apps {

/// mul, div, pow, sub, echo, sleep, fail, whoami.
[[nodiscard]] registry demo_functions();

} // namespace patio::apps
