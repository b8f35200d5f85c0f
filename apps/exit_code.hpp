/// Exit codes of the `patio` command. Never renumber: scripts depend on them.
#pragma once

#include <patio/value/error.hpp>

namespace patio::apps {

enum exit_code : int {
  ok = 0,
  raised = 1,        ///< the function raised an exception
  usage = 2,         ///< a wrong flag, endpoint or argument
  not_connected = 3, ///< could not connect, listen or log in
  timed_out = 4,
  not_served = 5, ///< no peer serves the name
  lost = 6,    ///< the connection, memory or the output is lost; the call was refused or cancelled
  refused = 7, ///< a pickle or a type in a pickle is not accepted
};

/// From now on, report() gives advice about a message broker in place of advice about direct peers.
void advise_about_broker() noexcept;

[[nodiscard]] exit_code exit_code_of(errc code) noexcept;

/// Prints the error as one line on standard error, with advice for some errors, and a line for each
/// line of an exception's notes. Returns the exit code.
int report(const error& why);

} // namespace patio::apps
