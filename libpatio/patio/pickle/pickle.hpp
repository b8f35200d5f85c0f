/// Python pickles to values and back. Reading builds data and cannot do anything else: class names
/// are compared with a fixed list of (module, name) pairs, and with those of `types`, and never
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

/// What a pickle may cost. Every limit holds while reading, so that no claimed length is allocated
/// first.
struct pickle_limits {
  std::size_t bytes = std::size_t{16} << 20; ///< of the pickle itself
  unsigned depth = value::max_depth;         ///< levels of containers; cannot be more
  std::size_t nodes = 1'000'000;             ///< values made, the short-lived ones included
  std::size_t memo_entries = 1'000'000;      ///< memo entries
  std::size_t memory_bytes = std::size_t{64}
                             << 20; ///< estimate: 64 bytes and the length for each value
  std::size_t integer_bytes = std::size_t{8} << 10; ///< of a binary integer
  std::size_t integer_digits = 4300;                ///< of a decimal integer; CPython's own limit
  std::uint64_t compared_bytes = std::uint64_t{256} << 20; ///< bytes of keys compared for equality
  std::size_t trailing_bytes =
    std::size_t{16}
    << 20; ///< bytes behind its end, which CPython ignores; with 0 there may be none
};

/// What to do with a class outside the list.
enum class unknown_class : std::uint8_t {
  refuse,       ///< REQUEST and RESPONSE: undecodable, naming the class
  as_exception, ///< ERROR: an inert value of kind exception with the class path, arguments and
                ///< notes
};

/// Fails with errc::undecodable and a text that names the byte offset and what was expected there.
/// Bytes behind the pickle's end are ignored, as far as pickle_limits::trailing_bytes goes. A class
/// never is a value of its own.
[[nodiscard]] result<value> read_pickle(std::string_view bytes, const pickle_limits& limits = {},
                                        unknown_class unknown = unknown_class::refuse,
                                        const python_types& types = {});

/// A pickled `patio.broker.tcp.broker.CallRequest` at the top level, in any protocol's form.
/// `memory` gets what pickle_limits::memory_bytes limits: about as much as the arguments take.
[[nodiscard]] result<call_request> read_call_request(std::string_view bytes,
                                                     const pickle_limits& limits = {},
                                                     const python_types& types = {},
                                                     std::size_t* memory = nullptr);

/// Protocol 5 with protocol-4 opcodes and BYTEARRAY8, framed as CPython does; appends to `out`.
/// Shared parts stay shared. Only what CPython's and Python patio's restricted loader accept: an
/// exception whose class is not a built-in with plain arguments is written as RuntimeError("Type:
/// message"), TimeoutError as asyncio.exceptions.TimeoutError. Fails with errc::invalid, `out`
/// unchanged, if the value expands beyond value::expansion_limit, or holds an object that is not of
/// `types` or that CPython could not make. A pickle of more than `longest` bytes fails with
/// limit::frame_bytes, as soon as it is.
[[nodiscard]] result<void> write_pickle(const value& v, std::string& out,
                                        const python_types& types = {},
                                        std::size_t longest = std::string::npos);

/// The REQUEST payload, as CPython pickles a CallRequest.
[[nodiscard]] result<void> write_call_request(const call_request& request, std::string& out,
                                              const python_types& types = {},
                                              std::size_t longest = std::string::npos);

} // namespace patio
