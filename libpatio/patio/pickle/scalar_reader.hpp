/// Carries out the opcodes that contain a number or a text. The class has no state of its own.
#pragma once

#include <concepts>
#include <string_view>

#include <patio/pickle/machine.hpp>

namespace patio::pickle {

/// Each function pushes the value that it reads on the machine's stack, and returns false if it
/// refuses the pickle.
class scalar_reader {
public:
  /// `m` must outlive the scalar_reader.
  explicit scalar_reader(machine& m) noexcept : machine_{&m} {}

  bool binary_float();
  /// Reads the argument of LONG1 or LONG4: a length, then an integer in two's complement.
  template <std::unsigned_integral Length>
  bool binary_integer();
  /// Reads a length, then a str, bytes or bytearray.
  template <std::unsigned_integral Length>
  bool counted_text(kind k);
  /// Reads a length, then a str of Python 2, which must be ASCII, as in Python 3's reader.
  template <std::unsigned_integral Length>
  bool counted_ascii();

  // The argument of a text opcode of protocol 0 ends with a newline.
  bool integer_line(opcode op);
  bool float_line();
  bool string_line();
  bool unicode_line();
  /// Reads the index of PUT or GET. Pushes nothing.
  bool memo_index_line(std::uint64_t& index);

private:
  bool push_text(kind k, std::string_view chars);

  machine* machine_;
};

} // namespace patio::pickle
