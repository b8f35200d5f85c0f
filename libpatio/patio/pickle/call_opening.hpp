/// The constant bytes of a CallRequest that CPython has pickled in protocols 4 and 5. The writer
/// appends the opening as a block behind the header of the first frame, and the call_reader skips
/// the opening.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <patio/pickle/budget.hpp>

namespace patio::pickle {

/// The opcodes make the module name, the class name, the class, an object of the class, the dict
/// for the object's fields, and a MARK.
inline constexpr std::string_view call_opening_bytes = "\x8c\x17patio.broker.tcp.broker\x94\x8c\x0b"
                                                       "CallRequest\x94\x93\x94)\x81\x94}\x94(";
/// The names of the object's fields, in their order. Each is followed by the field's value.
inline constexpr std::string_view func_field = "\x8c\x04"
                                               "func\x94";
inline constexpr std::string_view args_field = "\x8c\x04"
                                               "args\x94";
inline constexpr std::string_view kwargs_field = "\x8c\x06kwargs\x94";
inline constexpr std::string_view timeout_field = "\x8c\x07timeout\x94";
/// The first five of these results become memo entries 0 to 4.
inline constexpr std::uint32_t call_opening_memo_entries = 5;
/// The number of values that these opcodes make, and the bytes of two texts and a dict in addition
/// to the node_bytes of every value.
inline constexpr std::size_t call_opening_nodes = 7;
inline constexpr std::size_t call_opening_lengths = 23 + 11 + dict_overhead;
inline constexpr std::uint32_t call_state_memo_index = 4;
/// The position of the dict on the stack. The object lies below the dict.
inline constexpr std::size_t call_state_position = 1;

} // namespace patio::pickle
