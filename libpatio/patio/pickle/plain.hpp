/// Reads and writes the pickles of ordinary calls and results without the stack machine. This is
/// the fast path of a mesh. The results, the bytes and the costs are the same as those of reader
/// and writer. Any thread may call these functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <patio/pickle/pickle.hpp>

namespace patio::pickle {

/// A plain value is None, a bool, an int of 32 bits, a float, or an ASCII text of at most 255
/// bytes. A plain call has at most max_plain_arguments positional and as many keyword arguments,
/// all of them plain values.
inline constexpr std::size_t max_plain_arguments = 8;

/// Reads a plain call in the form that CPython and the writer give it. Sets `memory` as
/// read_call_request does. Returns false for any other pickle, and if a limit may be exceeded. The
/// reader must then read the pickle, and the content of `call` is unspecified.
[[nodiscard]] bool read_plain_call(std::string_view bytes, const pickle_limits& limits,
                                   call_request& call, std::size_t& memory);

/// Reads a plain value in the form that CPython and the writer give it. Returns false for the same
/// reasons as read_plain_call.
[[nodiscard]] bool read_plain_value(std::string_view bytes, const pickle_limits& limits, value& v);

/// Appends the pickle of a plain call. Returns false and appends nothing if the call is not plain,
/// contains a text twice, or takes more than `max_bytes` bytes.
[[nodiscard]] bool write_plain_call(const call_request& call, std::size_t max_bytes,
                                    std::string& out);

/// Appends the pickle of a plain value. Returns false and appends nothing if the value is not plain
/// or takes more than `max_bytes` bytes.
[[nodiscard]] bool write_plain_value(const value& v, std::size_t max_bytes, std::string& out,
                                     pickle_protocol protocol = pickle_protocol::five);

} // namespace patio::pickle
