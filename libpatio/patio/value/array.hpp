/// Python's array.array: numbers of one machine type, next to each other. As a value it is an
/// object of class array.array with the arguments (typecode, format, bytes), as CPython pickles it.
/// Any thread may call these functions.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <patio/base/api.hpp>
#include <patio/value/value.hpp>

namespace PATIO_API patio {
namespace detail {

/// The machine type of a number, independent of its byte order.
enum class number_type : std::uint8_t { u8, i8, u16, i16, u32, i32, u64, i64, f32, f64 };

[[nodiscard]] constexpr std::size_t size_of(number_type t) noexcept {
  switch (t) {
  case number_type::u8:
  case number_type::i8: return 1;
  case number_type::u16:
  case number_type::i16: return 2;
  case number_type::u32:
  case number_type::i32:
  case number_type::f32: return 4;
  default: return 8;
  }
}

struct array_view {
  std::string_view typecode; ///< Python's letter: 'd'
  number_type type{};
  bool is_big_endian = false;
  value bytes; ///< kind bytes; its size is a multiple of the size of a number

  [[nodiscard]] std::size_t size() const { return bytes.data().size() / size_of(type); }
  /// Returns a number as an int or a float.
  [[nodiscard]] value at(std::size_t index) const;
};

/// Returns nothing if `args` are not those of an array of numbers that CPython writes. Arrays of
/// characters ('u', 'w') are not supported.
[[nodiscard]] std::optional<array_view> array_from(std::span<const value> args);
/// Returns nothing for any other value than an array.
[[nodiscard]] std::optional<array_view> array_of(const value& v);
/// Makes an array of numbers in this machine's byte order.
[[nodiscard]] value make_array(number_type type, const value& bytes);

/// Returns Python's letter for a type: "d".
[[nodiscard]] std::string_view typecode_of(number_type type) noexcept;

} // namespace detail
} // namespace patio
