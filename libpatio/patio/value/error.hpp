/// Errors. An errc says how a call ended without a value, or why a configuration or a connection
/// failed. An error is a value type; threads may exchange copies.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include <patio/base/api.hpp>
#include <patio/base/limit.hpp>
#include <patio/value/value.hpp>

namespace PATIO_API patio {

/// Never renumber: actor errors contain these numbers.
enum class errc : std::uint8_t {
  remote_error = 1, ///< the function raised an exception, which `error::exception` holds
  timeout,          ///< the deadline passed before an answer arrived; the function may still run
  cancelled,        ///< the caller cancelled the call
  not_sent,         ///< the connection was lost before a byte of the call was sent: a retry is safe
  maybe_executed,   ///< the connection or the worker was lost, and the call may have run
  no_route,         ///< no connected peer serves this name
  overloaded,       ///< a full queue or another limit refused the call
  undecodable,      ///< the arguments or the answer cannot be decoded, or have a wrong type
  shut_down,        ///< this node or its executor has shut down
  invalid,          ///< a configuration or an argument is wrong; the message says what is right
  connect_failed,   ///< name resolution or the TCP connection failed
  /// The connection ended before the login was complete. The peer or this node closed the
  /// connection.
  login_refused,
  /// This node closed the connection after a protocol error or an internal failure.
  protocol,
};

/// Returns the name of the enumerator, e.g. "no_route".
[[nodiscard]] std::string_view to_string(errc code) noexcept;

/// Returns a description on one line, e.g. "nobody serves this name".
[[nodiscard]] std::string_view describe(errc code) noexcept;

/// What a person has to mend, where the code alone does not tell.
enum class remedy : std::uint8_t {
  none,
  login,        ///< the key, or the user and the password
  certificates, ///< TLS certificates, their keys, or the authorities to trust
  tls,          ///< the TLS settings of one of the two sides
  protection,   ///< a listener that strangers can reach needs a key or client certificates
  repetition,   ///< nothing: the call was not executed and never will be, so it is safe to repeat
};

struct error {
  errc code = errc::invalid;
  std::string message; ///< never contains a key
  /// Of kind exception if the code is remote_error. If the code is undecodable, the part of an
  /// exception that could be decoded, or None. Else None.
  value exception;
  limit exceeded = limit::none; ///< the limit that caused the error, if a limit did
  /// The context of the error, innermost first, e.g. "'mul' at 10.0.0.7:15383" or "REQUEST 7
  /// refused".
  std::vector<std::string> contexts = {};
  /// The limit's value and the number of times it was exceeded, as text. The node that enforces the
  /// limit adds this note for its own log and callers. A peer does not receive the note.
  std::string limit_note = {};
  patio::remedy remedy = patio::remedy::none;

  friend bool operator==(const error&, const error&) = default;
};

/// Returns the error with `context` added as the outermost context.
[[nodiscard]] error in_context(std::string context, error inner);

/// Returns contexts, message and limit note as one text: "'mul' at 10.0.0.7:15383: the peer does
/// not read (limit high_water_bytes=4MiB)".
[[nodiscard]] std::string text_of(const error& e);

/// Returns the description of the code, then the text: "no answer in time: no answer from
/// 10.0.0.7:15383". A remote error has the form of the last line of a Python traceback.
[[nodiscard]] std::string to_string(const error& e);

/// Returns the exception that Python code sees for this error: the exception that the function
/// raised, or a built-in exception such as TimeoutError, ConnectionError or KeyError.
[[nodiscard]] value to_exception(const error& e);

/// Makes an error from an exception that a function raised or that an ERROR frame carried.
[[nodiscard]] error remote_error(value exception);

/// Returns true if the peer or this node refused the login and will do so again until a person
/// mends the key, the certificates or the TLS settings. A connection that ends during its login for
/// another reason, for example because the peer restarts, is not a refusal.
[[nodiscard]] bool is_refusal(const error& e) noexcept;

/// Returns true if the error is a TimeoutError raised at the peer. The function or the timeout of a
/// Python peer raised the exception.
[[nodiscard]] bool is_timeout(const error& e) noexcept;

template <class T>
using result = tl::expected<T, error>;

[[nodiscard]] inline tl::unexpected<error> fail(errc code, std::string message) {
  return tl::unexpected<error>(error{code, std::move(message), {}});
}

[[nodiscard]] inline tl::unexpected<error> fail(errc code, limit exceeded, std::string message) {
  return tl::unexpected<error>(error{code, std::move(message), {}, exceeded});
}

[[nodiscard]] inline tl::unexpected<error> fail(errc code, remedy mend, std::string message) {
  return tl::unexpected<error>(error{code, std::move(message), {}, limit::none, {}, {}, mend});
}

} // namespace patio
