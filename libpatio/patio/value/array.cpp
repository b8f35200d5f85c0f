#include <patio/value/array.hpp>

#include <algorithm>
#include <array>
#include <cstring>

#include <patio/value/standard_types.hpp>

namespace patio::detail {
namespace {

struct array_format {
  std::string_view typecode;
  number_type type;
  std::int64_t code; ///< CPython's number of the format, little endian; big endian is one more
  bool has_order;    ///< false for single bytes: there `code` is the only number
};

// The first entry of a type has the typecode that make_array writes. A long has 64 bits on Unix and
// 32 bits on Windows.
constexpr std::array formats{
  array_format{"B", number_type::u8, 0, false},  array_format{"b", number_type::i8, 1, false},
  array_format{"H", number_type::u16, 2, true},  array_format{"h", number_type::i16, 4, true},
  array_format{"I", number_type::u32, 6, true},  array_format{"i", number_type::i32, 8, true},
  array_format{"Q", number_type::u64, 10, true}, array_format{"q", number_type::i64, 12, true},
  array_format{"L", number_type::u64, 10, true}, array_format{"l", number_type::i64, 12, true},
  array_format{"L", number_type::u32, 6, true},  array_format{"l", number_type::i32, 8, true},
  array_format{"f", number_type::f32, 14, true}, array_format{"d", number_type::f64, 16, true},
};

const array_format& format_of(number_type type) noexcept {
  return *std::ranges::find(formats, type, &array_format::type);
}

template <class T>
value number_in(std::array<char, 8> bytes) {
  T number{};
  std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

constexpr bool machine_is_big_endian = std::endian::native == std::endian::big;

} // namespace

value array_view::at(std::size_t index) const {
  auto size = size_of(type);
  std::array<char, 8> own{};
  std::memcpy(own.data(), bytes.data().data() + index * size, size);
  if (is_big_endian != machine_is_big_endian)
    std::reverse(own.begin(), own.begin() + static_cast<std::ptrdiff_t>(size));
  switch (type) {
  case number_type::u8: return number_in<std::uint8_t>(own);
  case number_type::i8: return number_in<std::int8_t>(own);
  case number_type::u16: return number_in<std::uint16_t>(own);
  case number_type::i16: return number_in<std::int16_t>(own);
  case number_type::u32: return number_in<std::uint32_t>(own);
  case number_type::i32: return number_in<std::int32_t>(own);
  case number_type::u64: return number_in<std::uint64_t>(own);
  case number_type::i64: return number_in<std::int64_t>(own);
  case number_type::f32: return number_in<float>(own);
  default: return number_in<double>(own);
  }
}

std::optional<array_view> array_from(std::span<const value> args) {
  if (args.size() != 3 || !args[0].is_text() || args[1].kind() != kind::integer
      || args[2].kind() != kind::bytes)
    return {};
  for (const auto& f : formats) {
    if (f.typecode != args[0].text()) continue;
    auto order = args[1].as_int64().value_or(-1) - f.code;
    bool fits = order == 0 || (f.has_order && order == 1);
    if (!fits || args[2].data().size() % size_of(f.type) != 0) continue;
    return array_view{f.typecode, f.type, f.has_order ? order == 1 : machine_is_big_endian,
                      args[2]};
  }
  return {};
}

std::optional<array_view> array_of(const value& v) {
  if (class_of(v) != standard_class::array) return {};
  return array_from(v.as_object().args);
}

value make_array(number_type type, const value& bytes) {
  const auto& f = format_of(type);
  auto code = f.code + (f.has_order && machine_is_big_endian ? 1 : 0);
  return value::object(
    {.module = "array", .name = "array", .args = {value{f.typecode}, value{code}, bytes}});
}

std::string_view typecode_of(number_type type) noexcept { return format_of(type).typecode; }

} // namespace patio::detail
