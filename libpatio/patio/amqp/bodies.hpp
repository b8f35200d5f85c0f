/// The bodies of messages between patio nodes at RabbitMQ: pickles of calls, results and
/// exceptions, in the form of the Python plugin. Functions without state; any thread may call them.
#pragma once

#include <string>
#include <string_view>

#include <patio/pickle/pickle.hpp>
#include <patio/protocol/limits.hpp>
#include <patio/value/call_request.hpp>
#include <patio/value/error.hpp>

namespace patio::amqp {

/// The pickle protocol of all bodies: the default of pickle.dumps in CPython 3.8 to 3.13.
inline constexpr auto body_protocol = pickle_protocol::four;

/// Returns the body of a call. Fails with errc::invalid.
[[nodiscard]] result<std::string> write_call(const arguments& args, const python_types& types,
                                             std::size_t max_bytes);

/// Reads the body of a call, in any protocol. Fails with errc::undecodable, or with a TypeError if
/// the pickle is not a dict of `args` and `kwargs`. Python servers answer with the same classes.
[[nodiscard]] result<arguments> read_call(std::string_view body, const limits& limits,
                                          const python_types& types);

/// The body of a reply, and the message's type.
struct reply_body {
  std::string_view type; ///< "result" or "error"
  std::string bytes;
};

/// Never fails: a result that cannot be sent becomes an error that says so. An error that no
/// function raised has a note with its errc, which C++ callers read.
[[nodiscard]] reply_body write_reply(const result<value>& outcome, const python_types& types,
                                     std::size_t max_bytes);
[[nodiscard]] reply_body write_reply(result<std::string>&& pickled, const python_types& types,
                                     std::size_t max_bytes);

/// Returns how a call ends with this reply. `type` is not "call" (see outbound_calls).
[[nodiscard]] result<value> read_reply(std::string_view type, std::string_view body,
                                       const limits& limits, const python_types& types);

} // namespace patio::amqp
