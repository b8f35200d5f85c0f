/// The functions of `patio serve --demo`. They calculate like Python.
#pragma once

#include <array>
#include <string_view>

#include <patio/functions/registry.hpp>

namespace patio::apps {

/// Returns mul, div, pow, sub, echo, sleep, fail and whoami.
[[nodiscard]] registry demo_functions();
/// Returns the same functions, and `harmful_functions`.
[[nodiscard]] registry demo_functions_of_processes();
/// These functions may harm their process, so only worker processes may run them.
inline constexpr std::array<std::string_view, 3> harmful_functions{"burn", "crash", "leak"};

} // namespace patio::apps
