/// Python pickles to values and back. Reading builds data and can do nothing else: class names are
/// compared with a fixed list of (module, name) pairs and with the classes in `types`, and never
/// resolved. No state, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <patio/value/call_request.hpp>
#include <patio/value/error.hpp>
#include <patio/value/python_types.hpp>

namespace patio {

/// The budget of one pickle. Every limit is checked while reading, before a claimed length is
/// allocated.
struct pickle_limits {
  std::size_t bytes = std::size_t{16} << 20; ///< the size of the pickle
  unsigned depth = value::max_depth;         ///< levels of containers; at most value::max_depth
  std::size_t nodes = 1'000'000;             ///< values made, also those that do not last
  std::size_t memo_entries = 1'000'000;
  /// An estimate: 64 bytes for each value, and its length.
  std::size_t memory_bytes = std::size_t{64} << 20;
  std::size_t integer_bytes = std::size_t{8} << 10;        ///< the size of a binary integer
  std::size_t integer_digits = 4300;                       ///< CPython has the same limit
  std::uint64_t compared_bytes = std::uint64_t{256} << 20; ///< the keys compared for equality
  /// The bytes behind the end of the pickle, which CPython ignores. With 0 no bytes may follow.
  std::size_t trailing_bytes = std::size_t{16} << 20;
};

/// How the reader takes a class outside the list.
enum class unknown_class : std::uint8_t {
  refuse, ///< REQUEST and RESPONSE: undecodable; the message names the class
  /// ERROR: an inert value of kind exception with the class path, the arguments and the notes.
  as_exception,
};

/// Fails with errc::undecodable and a message that names the byte offset and what was expected
/// there. Ignores the bytes behind the pickle's end, up to pickle_limits::trailing_bytes. A class
/// is never a value.
[[nodiscard]] result<value> read_pickle(std::string_view bytes, const pickle_limits& limits = {},
                                        unknown_class unknown = unknown_class::refuse,
                                        const python_types& types = {});

/// Reads a pickled `patio.broker.tcp.broker.CallRequest` at the top level, in any protocol's form.
/// `memory` gets what pickle_limits::memory_bytes limits: about as many bytes as the arguments
/// take.
[[nodiscard]] result<call_request> read_call_request(std::string_view bytes,
                                                     const pickle_limits& limits = {},
                                                     const python_types& types = {},
                                                     std::size_t* memory = nullptr);

/// Appends a pickle of protocol 5 to `out`, with the opcodes and frames that CPython would write.
/// Shared parts stay shared. Writes only what CPython and Python patio's restricted loader accept:
/// an exception whose class is not a built-in with plain arguments leaves as
/// RuntimeError("Type: message"), and TimeoutError as asyncio.exceptions.TimeoutError.
/// Fails with errc::invalid, and leaves `out` as it was, if a text is not UTF-8, if the value
/// expands beyond value::expansion_limit, or if it holds an object that is not of `types` or that
/// CPython could not make.
/// A pickle of more than `max_bytes` bytes fails with limit::frame_bytes, before all of it is
/// written.
[[nodiscard]] result<void> write_pickle(const value& v, std::string& out,
                                        const python_types& types = {},
                                        std::size_t max_bytes = std::string::npos);

/// Appends the payload of a REQUEST, as CPython pickles a CallRequest. Fails as write_pickle does.
[[nodiscard]] result<void> write_call_request(const call_request& request, std::string& out,
                                              const python_types& types = {},
                                              std::size_t max_bytes = std::string::npos);

} // namespace patio
