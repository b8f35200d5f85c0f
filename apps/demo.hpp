/// The functions of `patio serve --demo`. They calculate like Python.
#pragma once

#include <patio/functions/registry.hpp>

namespace patio::apps {

/// Returns mul, div, pow, sub, echo, sleep, fail and whoami.
[[nodiscard]] registry demo_functions();

} // namespace patio::apps
