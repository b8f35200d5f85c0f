/// Converts Python pickles to values and back. Reading only builds data: class names are compared
/// with a fixed list of (module, name) pairs and with the classes in `types`, and no class is
/// resolved or called. Any thread may call these functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <patio/base/api.hpp>
#include <patio/value/call_request.hpp>
#include <patio/value/error.hpp>
#include <patio/value/python_types.hpp>

namespace PATIO_API patio {

/// The limits for one pickle. The reader checks every limit while it reads, before it allocates a
/// claimed length.
struct pickle_limits {
  std::size_t bytes = std::size_t{16} << 20; ///< the size of the pickle
  unsigned depth = value::max_depth;         ///< levels of containers; at most value::max_depth
  std::size_t nodes = 1'000'000;             ///< values made, including temporary values
  std::size_t memo_entries = 1'000'000;
  /// The estimated memory of all values: 64 bytes for each value, plus the length of the value.
  std::size_t memory_bytes = std::size_t{64} << 20;
  std::size_t integer_bytes = std::size_t{8} << 10; ///< the size of a binary integer
  /// The number of digits of a decimal integer. CPython has the same limit.
  std::size_t integer_digits = 4300;
  /// The budget for comparing keys. Each comparison costs the weight of the key, at least 256
  /// bytes.
  std::uint64_t compared_bytes = std::uint64_t{256} << 20;
  /// The bytes after the end of the pickle, which CPython ignores. If this is 0, no bytes may
  /// follow.
  std::size_t trailing_bytes = std::size_t{16} << 20;
};

/// How the reader treats a class that is neither in the fixed list nor in `types`.
enum class unknown_class : std::uint8_t {
  refuse, ///< for REQUEST and RESPONSE: fails with the name of the class in the message
  /// For ERROR: makes an inert value of kind exception with the class path, the arguments and the
  /// notes. Classes, functions and objects in the exception become stand-ins of kind object.
  as_exception,
};

/// Fails with errc::undecodable. The message gives the byte offset and the expected input. Ignores
/// bytes after the end of the pickle, up to pickle_limits::trailing_bytes. A class itself is not a
/// value, so a pickle of a class is refused. A limit or a cycle may end the reading of an exception
/// whose class is known by then. In that case error::exception has the part that was read.
[[nodiscard]] result<value> read_pickle(std::string_view bytes, const pickle_limits& limits = {},
                                        unknown_class unknown = unknown_class::refuse,
                                        const python_types& types = {});

/// Reads a pickle of one `patio.broker.tcp.broker.CallRequest`, in any protocol. If `memory` is not
/// null, sets it to the estimated memory use of the decoded pickle, the number that
/// pickle_limits::memory_bytes limits.
[[nodiscard]] result<call_request> read_call_request(std::string_view bytes,
                                                     const pickle_limits& limits = {},
                                                     const python_types& types = {},
                                                     std::size_t* memory = nullptr);

/// The protocol of a written pickle. Python 3.8 to 3.13 write protocol 4 by default.
enum class pickle_protocol : std::uint8_t { four = 4, five = 5 };

/// Appends a pickle to `out`, with the same opcodes and frames as CPython. Shared
/// parts stay shared. The pickle contains only data that CPython and the restricted loader of
/// Python patio accept. An exception of another class than a built-in class with plain arguments is
/// written as RuntimeError("Type: message"). A TimeoutError is written as
/// asyncio.exceptions.TimeoutError.
///
/// Fails with errc::invalid and leaves `out` unchanged if a text is not UTF-8, if the value weighs
/// more than value::expansion_limit, if the class of an object is not in `types`, or if CPython
/// could not make an object. An exception does not fail because of such an object: its message
/// is written in place of its arguments. Also fails if the pickle has more than `max_bytes` bytes.
/// The error then names limit::frame_bytes.
[[nodiscard]] result<void> write_pickle(const value& v, std::string& out,
                                        const python_types& types = {},
                                        std::size_t max_bytes = std::string::npos,
                                        pickle_protocol protocol = pickle_protocol::five);

/// Appends the payload of a REQUEST in the form in which CPython pickles a CallRequest. Fails for
/// the same reasons as write_pickle.
[[nodiscard]] result<void> write_call_request(const call_request& request, std::string& out,
                                              const python_types& types = {},
                                              std::size_t max_bytes = std::string::npos);

/// Appends the dict {"args": tuple, "kwargs": dict} in the form in which CPython pickles it. Fails
/// for the same reasons as write_pickle.
[[nodiscard]] result<void> write_arguments(const arguments& args, std::string& out,
                                           const python_types& types, std::size_t max_bytes,
                                           pickle_protocol protocol);

} // namespace patio
