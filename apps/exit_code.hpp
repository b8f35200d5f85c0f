/// Exit codes of the `patio` command. Never renumber: scripts depend on them.
#pragma once

#include <patio/value/error.hpp>

namespace patio::apps {

enum exit_code : int {
  ok = 0,
  raised = 1,        ///< the function raised
  usage = 2,         ///< a wrong flag, endpoint or argument
  not_connected = 3, ///< could not connect or log in
  timed_out = 4,
  nobody = 5,  ///< nobody serves the name
  lost = 6,    ///< lost, overloaded, cancelled or shut down
  refused = 7, ///< bytes that are not acceptable
};

[[nodiscard]] exit_code exit_code_of(errc code) noexcept;

/// One line on standard error, with what to do next where that is known; returns the exit code.
int report(const error& why);

} // namespace patio::apps
