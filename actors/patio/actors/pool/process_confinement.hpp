/// What a worker process takes away from itself before it runs functions. Applies to the calling
/// thread and to the threads that it starts later.
#pragma once

#include <patio/actors/pool/process_options.hpp>
#include <patio/value/error.hpp>

namespace patio {

/// Applies no_new_privileges, refused_system_calls and paths. An error names the system call that
/// has failed, and what the kernel lacks.
[[nodiscard]] result<void> confine(const process_limits& limits);

} // namespace patio
