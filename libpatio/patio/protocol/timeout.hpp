/// Converts a call's timeout between the wire format and the node's clock.
#pragma once

#include <patio/base/time.hpp>
#include <patio/value/error.hpp>

namespace patio {

/// Returns the deadline of a call that begins `now`. None and infinity give `never`. Zero and
/// negative values give `now`. Any other timeout is reduced to at most `longest`. Fails with
/// TypeError or ValueError if `timeout` is not a number of seconds.
[[nodiscard]] result<instant> deadline_of(const value& timeout, instant now,
                                          std::chrono::nanoseconds longest);

/// Returns the time left until `deadline` as a Python value: seconds, or None for `never`.
[[nodiscard]] value seconds_left(instant deadline, instant now);

} // namespace patio
