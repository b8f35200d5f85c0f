#include <patio/pickle/scalar_writer.hpp>

#include <patio/base/utf8.hpp>
#include <patio/value/integer.hpp>

namespace patio::pickle {
namespace {

std::string_view characters_of(const value& v) {
  return v.kind() == kind::str ? v.text() : v.data();
}

} // namespace

void scalar_writer::save_index(std::uint32_t index) {
  if (index <= 0xff) out_.put(opcode::binget, static_cast<std::uint8_t>(index));
  else out_.put(opcode::long_binget, index);
}

void scalar_writer::save_integer(const value& v) {
  if (value_access::is_inline(v)) {
    auto small = value_access::inline_integer(v);
    if (small == static_cast<std::uint8_t>(small))
      return out_.put(opcode::binint1, static_cast<std::uint8_t>(small));
    if (small == static_cast<std::uint16_t>(small))
      return out_.put(opcode::binint2, static_cast<std::uint16_t>(small));
    if (small == static_cast<std::int32_t>(small))
      return out_.put(opcode::binint, static_cast<std::uint32_t>(small));
  }
  auto bytes = v.as_integer().twos_complement();
  if (bytes.size() <= 0xff) out_.put(opcode::long1, static_cast<std::uint8_t>(bytes.size()));
  else out_.put(opcode::long4, static_cast<std::uint32_t>(bytes.size()));
  out_.put(bytes);
}

void scalar_writer::save_real(double d) {
  out_.put(opcode::binfloat, __builtin_bswap64(std::bit_cast<std::uint64_t>(d)));
}

template <class Length>
void scalar_writer::save_counted(opcode op, Length length, std::string_view chars) {
  bool outside = chars.size() >= output::frame_target;
  if (outside) out_.close_frame();
  out_.put(op, length, chars);
  if (outside) out_.open_frame();
}

void scalar_writer::save_characters(kind k, std::string_view chars) {
  auto size = chars.size();
  bool is_text = k == kind::str;
  if (is_text && !is_utf8(chars)) has_bad_text_ = true;
  if (k == kind::bytearray) save_counted<std::uint64_t>(opcode::bytearray8, size, chars);
  else if (size <= 0xff)
    save_counted(is_text ? opcode::short_binunicode : opcode::short_binbytes,
                 static_cast<std::uint8_t>(size), chars);
  else if (size <= 0xffffffff)
    save_counted(is_text ? opcode::binunicode : opcode::binbytes, static_cast<std::uint32_t>(size),
                 chars);
  else save_counted<std::uint64_t>(is_text ? opcode::binunicode8 : opcode::binbytes8, size, chars);
}

void scalar_writer::save_text(const value& v) {
  save_characters(v.kind(), characters_of(v));
  memoize(v);
}

void scalar_writer::save_fresh_text(const value& v) {
  out_.between_values();
  save_characters(v.kind(), characters_of(v));
  memoize();
}

// The writer's memo knows a long text by its address. The value here is temporary, so only a short
// name can be found again.
void scalar_writer::save_name(std::string_view name) {
  out_.between_values();
  value v{name};
  if (v.identity()) {
    save_characters(kind::str, name);
    memoize();
  } else if (!save_again(v)) {
    save_text(v);
  }
}

void scalar_writer::save_call_opening() {
  out_.put(call_opening_bytes);
  memoized_ = call_opening_memo_entries;
}

} // namespace patio::pickle
