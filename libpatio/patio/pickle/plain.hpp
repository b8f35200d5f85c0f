/// The pickles of ordinary calls and results, read and written without the stack machine: a mesh
/// spends most of its time on them. They equal what reader and writer do, byte for byte and in
/// their cost. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <patio/pickle/pickle.hpp>

namespace patio::pickle {

/// A plain value is None, a bool, an int of 32 bits, a float, or an ASCII text of at most 255
/// bytes. A plain call has at most so many positional, and so many keyword arguments, all plain.
inline constexpr std::size_t max_plain_arguments = 8;

/// Reads a plain call in the form that CPython and our writer give it. Sets `memory` as
/// read_call_request does. Returns false for any other pickle, and where a limit is near: then the
/// reader must read the pickle, and `call` is worthless.
[[nodiscard]] bool read_plain_call(std::string_view bytes, const pickle_limits& limits,
                                   call_request& call, std::size_t& memory);

/// Reads one plain value in the form that CPython and our writer give it. Returns false as
/// read_plain_call does.
[[nodiscard]] bool read_plain_value(std::string_view bytes, const pickle_limits& limits, value& v);

/// Appends the pickle of a plain call. Returns false, and appends nothing, if the call is not
/// plain, names a text twice, or takes more than `max_bytes` bytes.
[[nodiscard]] bool write_plain_call(const call_request& call, std::size_t max_bytes,
                                    std::string& out);

/// Appends the pickle of a plain value. Returns false as write_plain_call does.
[[nodiscard]] bool write_plain_value(const value& v, std::size_t max_bytes, std::string& out);

} // namespace patio::pickle
