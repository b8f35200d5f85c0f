/// A call's timeout between the wire and the node's own time.
#pragma once

#include <patio/base/time.hpp>
#include <patio/value/error.hpp>

namespace patio {

/// When a call that begins `now` must end: `never` for None and infinity, now for zero and less, at
/// most `longest` from now. Fails with TypeError or ValueError for what is no number of seconds.
[[nodiscard]] result<instant> deadline_of(const value& timeout, instant now,
                                          std::chrono::nanoseconds longest);

/// What is left until `deadline`, as a Python peer reads it: seconds, or None.
[[nodiscard]] value seconds_left(instant deadline, instant now);

} // namespace patio
