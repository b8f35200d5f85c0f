/// Loads a module into this process.
#pragma once

#include <patio/functions/registry.hpp>

namespace patio::apps {

/// Loads the shared library behind the descriptor, and returns the functions that it registers. The
/// library is never unloaded. Runs code of the library, which may do anything: a process that must
/// survive has another process try first (probe_worker). An error says what the library lacks.
[[nodiscard]] result<registry> load_module(int fd);

} // namespace patio::apps
