/// Converts patio's errors to CAF's and back. The CAF error has the category "patio" and an errc as
/// its code. Its context holds the message and the exception.
#pragma once

#include <caf/error.hpp>

#include <patio/base/api.hpp>
#include <patio/value/error.hpp>

namespace PATIO_API patio {

[[nodiscard]] caf::error to_caf(const error& e);

/// Also converts CAF's own errors: a request timeout becomes errc::timeout, and a receiver that has
/// ended becomes errc::shut_down.
[[nodiscard]] error from_caf(const caf::error& e);

} // namespace patio
