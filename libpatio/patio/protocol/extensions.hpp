/// Extensions of C++ nodes to the protocol of Python patio 0.1.4. A node announces its extensions
/// in the payload of DISCOVER_REQUEST, because Python ignores that payload. A peer receives the
/// packets and notes of an extension only if the peer has announced the extension.
#pragma once

#include <string>
#include <string_view>

#include <patio/pickle/pickle.hpp>
#include <patio/value/error.hpp>

namespace patio::protocol {

struct extensions {
  /// CANCEL: when the caller gives up a call, the callee ends the call as well.
  bool cancel = false;
  /// LEAVING, LEAVING_OK: a node that shuts down gets no requests that it could not answer.
  bool leaving = false;
  /// A note in an ERROR names the errc, unless a function raised the error.
  bool endings = false;
  /// QUEUES, CREDIT, CREDIT_USED: a caller holds the calls that the callee has no room for.
  bool credit = false;
  /// DESCRIBE, DESCRIPTION: a peer tells the signatures of its functions (descriptions.hpp).
  bool describe = false;
  friend bool operator==(const extensions&, const extensions&) = default;
};

inline constexpr extensions all_extensions{true, true, true, true, true};

/// Returns the payload of a DISCOVER_REQUEST:
/// {"patio": {"version": 1, "extensions": ["cancel", ...]}}, or None if there are no extensions.
[[nodiscard]] std::string announcement(const extensions& ours);

/// Returns the extensions that both sides have announced.
[[nodiscard]] constexpr extensions common(const extensions& a, const extensions& b) noexcept {
  return {a.cancel && b.cancel, a.leaving && b.leaving, a.endings && b.endings,
          a.credit && b.credit, a.describe && b.describe};
}

/// Returns the extensions that a peer has announced. The result is empty for a payload without an
/// announcement, such as Python's. Skips unknown names.
[[nodiscard]] extensions read_announcement(std::string_view payload, const pickle_limits& limits);

/// Returns the exception that represents an error. A note in the exception names the errc, unless a
/// function raised the error.
[[nodiscard]] value to_noted_exception(const error& e);
/// Returns the error that the note in an exception names. Returns a remote_error if there is no
/// such note, or if the note names an ending that only the caller's own node can report.
[[nodiscard]] error from_noted_exception(value exception);

} // namespace patio::protocol
