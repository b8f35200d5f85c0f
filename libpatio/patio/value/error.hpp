/// How things fail: one enumerator per way a call can end without a value, plus the
/// few for configuration and connections. A value type, free to copy across threads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include <patio/base/limit.hpp>
#include <patio/value/value.hpp>

namespace patio {

/// Never renumber: the numbers travel inside actor errors.
enum class errc : std::uint8_t {
  remote_error = 1, ///< the function raised; `error::exception` has what Python would see
  timeout,          ///< the deadline passed; the function may still have run
  cancelled,        ///< the caller gave the call up
  not_sent,         ///< the connection ended before a byte of the call left: safe to retry
  maybe_executed,   ///< the connection ended after the call left: it may have run
  no_route,         ///< no connected peer serves this name
  overloaded,       ///< a queue or in-flight limit refused the call at once
  undecodable,      ///< bytes that are not an acceptable pickle, or not of the asked type
  shut_down,        ///< this node or its executor has ended
  invalid,          ///< a configuration or an argument is wrong; the text says what would be right
  connect_failed,   ///< name resolution or the TCP connection failed
  login_refused,    ///< the peer closed or misbehaved before the login was complete
  protocol,         ///< the peer broke the wire protocol; its connection was closed
};

/// The enumerator's own spelling, e.g. "no_route".
[[nodiscard]] std::string_view to_string(errc code) noexcept;

/// One line for people, e.g. "nobody serves this name".
[[nodiscard]] std::string_view describe(errc code) noexcept;

struct error {
  errc code = errc::invalid;
  std::string message;          ///< what went wrong; never holds a key
  value exception;              ///< of kind exception if the code is remote_error, else None
  limit exceeded = limit::none; ///< the limit that caused the error, if a limit did
  /// The things that the error happened to, the innermost first: "'mul' at 10.0.0.7:15383",
  /// "REQUEST 7 refused".
  std::vector<std::string> contexts = {};
  /// The limit's value and how often it was exceeded, as text. The node that enforces the limit
  /// adds the note: a peer is told the message alone.
  std::string limit_note = {};

  friend bool operator==(const error&, const error&) = default;
};

/// The same error with one more context, the outermost.
[[nodiscard]] error in_context(std::string context, error inner);

/// Contexts, message and limit note as one text: "'mul' at 10.0.0.7:15383: the peer does not read
/// (limit high_water_bytes=4MiB)".
[[nodiscard]] std::string text_of(const error& e);

/// Returns the kind of error, then its text: "no answer in time: no answer from 10.0.0.7:15383". A
/// remote error prints as Python's last traceback line.
[[nodiscard]] std::string to_string(const error& e);

/// The exception by which Python code would know this error: what the function raised, or
/// TimeoutError, ConnectionError, KeyError and so on. Always safe to send to a Python peer.
[[nodiscard]] value to_exception(const error& e);

/// The reverse direction: an exception raised by a function or received in an ERROR frame.
[[nodiscard]] error remote_error(value exception);

/// Returns whether Python's TimeoutError was raised, by a function or by the clock of a Python
/// peer.
[[nodiscard]] bool is_timeout(const error& e) noexcept;

template <class T>
using result = tl::expected<T, error>;

[[nodiscard]] inline tl::unexpected<error> fail(errc code, std::string message) {
  return tl::unexpected<error>(error{code, std::move(message), {}});
}

[[nodiscard]] inline tl::unexpected<error> fail(errc code, limit exceeded, std::string message) {
  return tl::unexpected<error>(error{code, std::move(message), {}, exceeded});
}

} // namespace patio
