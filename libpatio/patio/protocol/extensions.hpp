/// What C++ nodes do beyond Python patio 0.1.4, announced in the payload of DISCOVER_REQUEST, which
/// Python never looks at. A peer is sent the packets and notes of an extension only if it has
/// announced it. A value type.
#pragma once

#include <string>
#include <string_view>

#include <patio/pickle/pickle.hpp>
#include <patio/value/error.hpp>

namespace patio::protocol {

struct extensions {
  bool cancel = false; ///< CANCEL: a call given up by its caller ends at the callee as well
  bool leaving =
    false; ///< LEAVING, LEAVING_OK: a node that goes away is sent nothing that it could not answer
  bool endings =
    false; ///< an ERROR says in a note which errc it stands for, where no function raised it
  friend bool operator==(const extensions&, const extensions&) = default;
};

inline constexpr extensions all_extensions{true, true, true};

/// The payload of a DISCOVER_REQUEST: {"patio": {"version": 1, "extensions": ["cancel", ...]}}, or
/// None if there are none.
[[nodiscard]] std::string announcement(const extensions& ours);

/// What both sides have announced.
[[nodiscard]] constexpr extensions common(const extensions& a, const extensions& b) noexcept {
  return {a.cancel && b.cancel, a.leaving && b.leaving, a.endings && b.endings};
}

/// What a peer has announced; nothing for a payload that says nothing of the kind, as Python's.
/// Names not known here are skipped.
[[nodiscard]] extensions read_announcement(std::string_view payload, const pickle_limits& limits);

/// The exception that stands for an error, with the note that says which errc it was; none for what
/// a function raised.
[[nodiscard]] value to_noted_exception(const error& e);
/// The error that such an exception stands for; a remote_error for any other, and for an ending
/// that only the caller's own node knows.
[[nodiscard]] error from_noted_exception(value exception);

} // namespace patio::protocol
