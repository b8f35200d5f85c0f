/// patio's errors as CAF's and back. The category is "patio", the code an errc, the context message
/// and exception.
#pragma once

#include <caf/error.hpp>

#include <patio/value/error.hpp>

namespace patio {

[[nodiscard]] caf::error to_caf(const error& e);

/// Also reads CAF's own errors: a request timeout is errc::timeout, a receiver that is gone
/// errc::shut_down.
[[nodiscard]] error from_caf(const caf::error& e);

} // namespace patio
