/// patio-redis stores tasks and replies in Redis. A task is the pickle of a dict. A reply is the
/// pickle of a result or of an exception. Any thread may call these functions.
#pragma once

#include <string>
#include <string_view>

#include <patio/pickle/pickle.hpp>

namespace patio::redis {

struct task {
  std::string method = {};
  arguments args = {};
  std::string reply_to = {}; ///< the caller's token, and the prefix of the two keys for its reply
};

/// True for PROJECT.UUID, which Python's plugin and this one make. A server deletes this key, so a
/// client with the right to one list must not name the list of another function.
[[nodiscard]] bool is_token(std::string_view reply_to);

/// The key with which a C++ caller tells the server of a running call that it has cancelled the
/// call. Python's plugin knows no such key.
[[nodiscard]] std::string cancellation_key(std::string_view reply_to);

/// A task that cannot run. Without `reply_to`, nobody can be told.
struct refused_task {
  std::string reply_to;
  error why;
};

/// Appends the pickle of a task, with the bytes of Python's plugin. Fails like write_pickle.
[[nodiscard]] result<void> write_task(const call_request& call, std::string_view reply_to,
                                      std::string& out, const python_types& types,
                                      std::size_t max_bytes);

/// Reads a task as Python's plugin does: other keys are ignored, and `args` may be any container.
[[nodiscard]] tl::expected<task, refused_task>
read_task(std::string_view body, const pickle_limits& limits, const python_types& types);

struct encoded_reply {
  bool is_error = false; ///< belongs into the list ":error" and not into ":result"
  std::string body;
};

/// A result that cannot be pickled, or that is larger than `max_bytes`, becomes an error.
[[nodiscard]] encoded_reply write_reply(const result<value>& outcome, const python_types& types,
                                        std::size_t max_bytes);
/// Makes the reply of a result that another thread has pickled.
[[nodiscard]] encoded_reply write_pickled_reply(result<std::string> pickled);

/// An exception of the server's Redis client says that its reply was lost, so the call fails with
/// errc::maybe_executed.
[[nodiscard]] result<value> read_reply(bool is_error, std::string_view body,
                                       const pickle_limits& limits, const python_types& types);

} // namespace patio::redis
