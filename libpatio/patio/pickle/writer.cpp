#include <patio/pickle/writer.hpp>

#include <algorithm>

#include <patio/base/utf8.hpp>
#include <patio/value/integer.hpp>

namespace patio::pickle {
using detail::is_utf8;

constexpr std::size_t batch =
  1000; ///< items that CPython puts between a MARK and its APPENDS, SETITEMS or ADDITEMS

writer::writer(const python_types& types, std::size_t longest) : out_{longest}, types_{&types} {
  out_.put("\x80\x05");
  out_.open_frame();
}

result<void> writer::finish(std::string& out) {
  if (bad_text_) return fail(errc::invalid, "a text is not UTF-8");
  if (!refused_.empty()) return fail(errc::invalid, refused_);
  out_.put(opcode::stop);
  out_.close_frame();
  if (out_.is_full())
    return fail(errc::invalid, limit::frame_bytes,
                "it takes more than " + std::to_string(out_.longest()) + " bytes");
  out += out_.bytes();
  return {};
}

void writer::save(const value& v) {
  if (out_.is_full()) return; // shared parts that cannot be memoized may be written out for long
  out_.between_values();
  switch (v.kind()) {
  case kind::none: return out_.put(opcode::none);
  case kind::boolean: return out_.put(v.as_bool() ? opcode::newtrue : opcode::newfalse);
  case kind::integer: return save_integer(v);
  case kind::real: return save_real(v.as_real());
  case kind::tuple:
    if (v.items().empty()) return out_.put(opcode::empty_tuple);
    break;
  default: break;
  }
  if (save_again(v)) return;
  switch (v.kind()) {
  case kind::str:
  case kind::bytes:
  case kind::bytearray: return save_text(v);
  case kind::list: return save_list(v);
  case kind::tuple: return save_tuple_items(v.items()), memoize(v);
  case kind::dict: return save_dict(v);
  case kind::set: return save_set(v);
  case kind::frozenset: return save_frozenset(v);
  case kind::complex: return save_complex(v);
  case kind::object: return save_object(v);
  default: return save_exception(v);
  }
}

void writer::memoize(const value& v) {
  memo_.insert(v, memoized_);
  memoize();
}

bool writer::save_again(const value& v) {
  auto index = memo_.find(v);
  if (index) save_index(*index);
  return index.has_value();
}

void writer::save_index(std::uint32_t index) {
  if (index <= 0xff) out_.put(opcode::binget, static_cast<std::uint8_t>(index));
  else out_.put(opcode::long_binget, index);
}

void writer::save_integer(const value& v) {
  auto small = v.as_int64();
  if (small && *small >= 0 && *small <= 0xff)
    return out_.put(opcode::binint1, static_cast<std::uint8_t>(*small));
  if (small && *small >= 0 && *small <= 0xffff)
    return out_.put(opcode::binint2, static_cast<std::uint16_t>(*small));
  if (small && *small == static_cast<std::int32_t>(*small))
    return out_.put(opcode::binint, static_cast<std::uint32_t>(*small));
  auto bytes = v.as_integer().twos_complement();
  if (bytes.size() <= 0xff) out_.put(opcode::long1, static_cast<std::uint8_t>(bytes.size()));
  else out_.put(opcode::long4, static_cast<std::uint32_t>(bytes.size()));
  out_.put(bytes);
}

void writer::save_real(double d) {
  out_.put(opcode::binfloat, __builtin_bswap64(std::bit_cast<std::uint64_t>(d)));
}

template <class Length>
void writer::save_counted(opcode op, Length length, std::string_view chars) {
  bool outside = chars.size() >= output::frame_target;
  if (outside) out_.close_frame();
  out_.put(op, length);
  out_.put(chars);
  if (outside) out_.open_frame();
}

void writer::save_characters(kind k, std::string_view chars) {
  auto size = chars.size();
  bool is_text = k == kind::str;
  if (is_text && !is_utf8(chars)) bad_text_ = true;
  if (k == kind::bytearray) save_counted<std::uint64_t>(opcode::bytearray8, size, chars);
  else if (size <= 0xff)
    save_counted(is_text ? opcode::short_binunicode : opcode::short_binbytes,
                 static_cast<std::uint8_t>(size), chars);
  else if (size <= 0xffffffff)
    save_counted(is_text ? opcode::binunicode : opcode::binbytes, static_cast<std::uint32_t>(size),
                 chars);
  else save_counted<std::uint64_t>(is_text ? opcode::binunicode8 : opcode::binbytes8, size, chars);
}

void writer::save_text(const value& v) {
  save_characters(v.kind(), v.kind() == kind::str ? v.text() : v.data());
  memoize(v);
}

// A text that is no value: only a short one can be found again, as a long one's address means
// nothing.
void writer::save_name(std::string_view name) {
  value v{name};
  if (!v.identity()) return save(v);
  out_.between_values();
  save_characters(kind::str, name);
  memoize();
}

void writer::save_items(std::span<const value> items) {
  for (const auto& item : items) save(item);
}

void writer::save_tuple_items(std::span<const value> items) {
  if (items.size() > 3) out_.put(opcode::mark);
  save_items(items);
  constexpr std::array ends{opcode::tuple1, opcode::tuple2, opcode::tuple3};
  out_.put(items.size() > 3 ? opcode::tuple : ends[items.size() - 1]);
}

void writer::save_list(const value& v) {
  out_.put(opcode::empty_list);
  memoize(v);
  save_list_items(v.items());
}

void writer::save_list_items(std::span<const value> items) {
  if (items.size() == 1) {
    save(items.front());
    return out_.put(opcode::append);
  }
  while (!items.empty()) {
    auto count = std::min(items.size(), batch);
    out_.put(opcode::mark);
    save_items(items.first(count));
    out_.put(opcode::appends);
    items = items.subspan(count);
  }
}

void writer::save_dict(const value& v) {
  out_.put(opcode::empty_dict);
  memoize(v);
  auto entries = v.entries();
  save_entries(entries.size(),
               [&](std::size_t i) { save(entries[i].first), save(entries[i].second); });
}

void writer::save_keywords(const call_request& call) {
  out_.put(opcode::empty_dict);
  memoize();
  const auto& keywords = call.args.keywords;
  save_entries(keywords.size(),
               [&](std::size_t i) { save_name(keywords[i].first), save(keywords[i].second); });
}

template <class Save> // Save(position)
void writer::save_entries(std::size_t count, Save save_entry) {
  if (count != 1) return save_batches(count, opcode::setitems, save_entry);
  save_entry(0);
  out_.put(opcode::setitem);
}

// CPython only notices that it is done when a batch was not full.
template <class Save>
void writer::save_batches(std::size_t count, opcode end, Save save_part) {
  if (count == 0) return;
  std::size_t first = 0, size = batch;
  while (size == batch) {
    size = std::min(count - first, batch);
    out_.put(opcode::mark);
    for (std::size_t i = 0; i < size; ++i) save_part(first + i);
    out_.put(end);
    first += size;
  }
}

void writer::save_set(const value& v) {
  out_.put(opcode::empty_set);
  memoize(v);
  auto items = v.items();
  save_batches(items.size(), opcode::additems, [&](std::size_t i) { save(items[i]); });
}

void writer::save_frozenset(const value& v) {
  out_.put(opcode::mark);
  save_items(v.items());
  out_.put(opcode::frozenset);
  memoize(v);
}

} // namespace patio::pickle
