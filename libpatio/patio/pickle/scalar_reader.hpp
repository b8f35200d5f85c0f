/// The opcodes that carry a number or a text. No state of its own.
#pragma once

#include <concepts>
#include <string_view>

#include <patio/pickle/machine.hpp>

namespace patio::pickle {

/// Pushes what it reads on the machine's stack. Each function returns false once the pickle is
/// refused.
class scalar_reader {
public:
  /// `m` must outlive this.
  explicit scalar_reader(machine& m) noexcept : machine_{&m} {}

  bool binary_float();
  /// LONG1 and LONG4: two's complement, behind its length.
  template <std::unsigned_integral Length>
  bool binary_integer();
  /// A str, bytes or bytearray behind its length.
  template <std::unsigned_integral Length>
  bool counted_text(kind k);
  /// A str of Python 2 behind its length. Python 3 reads such a str as ASCII.
  template <std::unsigned_integral Length>
  bool counted_ascii();

  // The textual opcodes of protocol 0 end with the line.
  bool integer_line(opcode op);
  bool float_line();
  bool string_line();
  bool unicode_line();
  /// Reads the index of PUT or GET, and pushes nothing.
  bool memo_index_line(std::uint64_t& index);

private:
  bool push_text(kind k, std::string_view chars);

  machine* machine_;
};

} // namespace patio::pickle
