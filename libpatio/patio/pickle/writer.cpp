#include <patio/pickle/writer.hpp>

#include <algorithm>

namespace patio::pickle {

writer::writer(const python_types& types, std::size_t max_bytes, pickle_protocol protocol)
    : scalars_{max_bytes}, out_{scalars_.out()}, types_{&types}, protocol_{protocol} {
  out_.put(protocol == pickle_protocol::four ? "\x80\x04" : "\x80\x05");
  out_.open_frame();
}

writer::writer(const python_types& types, std::span<char> memory)
    : scalars_{memory}, out_{scalars_.out()}, types_{&types}, protocol_{pickle_protocol::five} {
  out_.put("\x80\x05");
  out_.open_frame();
}

result<void> writer::end() {
  if (scalars_.has_bad_text()) return fail(errc::invalid, "a text is not UTF-8");
  if (!refused_.empty()) return fail(errc::invalid, refused_);
  out_.put(opcode::stop);
  out_.close_frame();
  if (out_.is_full())
    return fail(errc::invalid, limit::frame_bytes,
                "the pickle takes more than " + std::to_string(out_.max_bytes()) + " bytes");
  return {};
}

result<void> writer::finish(std::string& out) {
  auto ended = end();
  if (ended) out += out_.bytes();
  return ended;
}

// A frame's header that is removed at the end may have moved the pickle out of its memory.
result<std::size_t> writer::finish_in_place(std::span<char> memory) {
  if (auto ended = end(); !ended) return tl::unexpected(std::move(ended.error()));
  auto bytes = out_.bytes();
  if (bytes.data() != memory.data()) std::ranges::copy(bytes, memory.begin());
  return bytes.size();
}

void writer::save(const value& v) {
  if (out_.is_full()) return; // stop early: the rest of the value may be very large
  out_.between_values();
  switch (v.kind()) {
  case kind::none: return out_.put(opcode::none);
  case kind::boolean: return out_.put(v.as_bool() ? opcode::newtrue : opcode::newfalse);
  case kind::integer: return scalars_.save_integer(v);
  case kind::real: return scalars_.save_real(v.as_real());
  case kind::tuple:
    if (v.items().empty()) return out_.put(opcode::empty_tuple);
    break;
  default: break;
  }
  if (!scalars_.save_again(v)) save_new(v);
}

void writer::save_new(const value& v) {
  switch (v.kind()) {
  case kind::bytearray:
    if (protocol_ == pickle_protocol::four) return save_bytearray(v);
    return scalars_.save_text(v);
  case kind::str:
  case kind::bytes: return scalars_.save_text(v);
  case kind::list: return save_list(v);
  case kind::tuple: save_tuple_items(v.items()); return scalars_.memoize(v);
  case kind::dict: return save_dict(v);
  case kind::set: return save_set(v);
  case kind::frozenset: return save_frozenset(v);
  case kind::complex: return save_complex(v);
  case kind::object: return save_object(v);
  default: return save_exception(v);
  }
}

void writer::save(const call_request& call) {
  scalars_.save_call_opening();
  scalars_.save_name("func");
  scalars_.save_name(call.function);
  scalars_.save_name("args");
  out_.between_values();
  save_arguments(call.args.positional);
  scalars_.save_name("kwargs");
  out_.between_values();
  save_keywords(call.args);
  scalars_.save_name("timeout");
  save(call.timeout);
  out_.put(opcode::setitems);
  out_.put(opcode::build);
}

void writer::save(const arguments& args) {
  out_.put(opcode::empty_dict);
  scalars_.memoize();
  out_.put(opcode::mark);
  scalars_.save_name("args");
  out_.between_values();
  save_arguments(args.positional);
  scalars_.save_name("kwargs");
  out_.between_values();
  save_keywords(args);
  out_.put(opcode::setitems);
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
  scalars_.memoize(v);
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
  scalars_.memoize(v);
  auto entries = v.entries();
  save_entries(entries.size(), [&](std::size_t i) {
    save(entries[i].first);
    save(entries[i].second);
  });
}

void writer::save_keywords(const arguments& args) {
  out_.put(opcode::empty_dict);
  scalars_.memoize();
  const auto& keywords = args.keywords;
  save_entries(keywords.size(), [&](std::size_t i) {
    scalars_.save_name(keywords[i].first);
    save(keywords[i].second);
  });
}

template <class Save> // Save(position)
void writer::save_entries(std::size_t count, Save save_entry) {
  if (count != 1) return save_batches(count, opcode::setitems, save_entry);
  save_entry(0);
  out_.put(opcode::setitem);
}

// CPython detects the end only by a batch that is not full, so it writes an empty batch after a
// last full batch.
template <class Save> // Save(position)
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
  scalars_.memoize(v);
  auto items = v.items();
  save_batches(items.size(), opcode::additems, [&](std::size_t i) { save(items[i]); });
}

void writer::save_frozenset(const value& v) {
  out_.put(opcode::mark);
  save_items(v.items());
  out_.put(opcode::frozenset);
  scalars_.memoize(v);
}

} // namespace patio::pickle
