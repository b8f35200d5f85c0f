#include <patio/value/heap_value.hpp>

#include <cstring>
#include <limits>
#include <new>

#include <patio/base/large_memory.hpp>
#include <patio/value/standard_types.hpp>

namespace patio::detail {

namespace {

static_assert(std::endian::native == std::endian::little, "first_eight() assumes little endian");

template <class UInt>
std::uint64_t load(const char* chars) noexcept {
  UInt word{};
  std::memcpy(&word, chars, sizeof word);
  return word;
}

/// Returns the first eight characters as a word, padded with zeros. Two loads may overlap; both
/// then give the same bits.
std::uint64_t first_eight(std::string_view chars) noexcept {
  auto n = std::min<std::size_t>(chars.size(), 8);
  const char* p = chars.data();
  if (n == 8) return load<std::uint64_t>(p);
  if (n >= 4) return load<std::uint32_t>(p) | (load<std::uint32_t>(p + n - 4) << (8 * (n - 4)));
  if (n >= 2) return load<std::uint16_t>(p) | (load<std::uint16_t>(p + n - 2) << (8 * (n - 2)));
  return n == 1 ? load<std::uint8_t>(p) : 0;
}

} // namespace

void key_index::place(std::size_t position) {
  auto slot = hashes_[position] & mask();
  while (slots_[slot] != 0) slot = (slot + 1) & mask();
  slots_[slot] = static_cast<std::uint32_t>(position + 1);
}

void key_index::place_last() {
  if (hashes_.size() * 2 <= slots_.size()) return place(hashes_.size() - 1);
  slots_.assign(std::max<std::size_t>(32, slots_.size() * 2), 0);
  for (std::size_t i = 0; i < hashes_.size(); ++i) place(i);
}

value value_access::adopt(heap_value* fresh) noexcept {
  value v;
  v.store(static_cast<std::int64_t>(fresh->k) | (value::heap_mark << 8),
          std::bit_cast<std::int64_t>(fresh));
  return v;
}

namespace {

heap_text* make_text(void* room, kind k, std::size_t size) noexcept {
  auto* text = new (room) heap_text{k};
  text->size = size & heap_text::max_size;
  text->weight += size;
  advise_large_memory(text->chars(), size);
  return text;
}

} // namespace

heap_text* text_arena::make(kind k, std::size_t size) {
  auto bytes = (sizeof(heap_text) + size + alignof(heap_text) - 1) & ~(alignof(heap_text) - 1);
  if (size > max_shared || made_ < separate_texts) {
    made_ = std::min(made_ + 1, separate_texts);
    return make_text(::operator new(bytes), k, size);
  }
  if (!slab_ || used_ + bytes > slab_bytes) {
    auto* fresh = new (::operator new(slab_bytes)) text_slab;
    close_slab();
    slab_ = fresh;
    used_ = alignof(heap_text);
    in_slab_ = 0;
  }
  auto* text = make_text(reinterpret_cast<std::byte*>(slab_) + used_, k, size);
  text->slab_distance = static_cast<std::uint16_t>(used_);
  used_ += bytes;
  ++in_slab_;
  return text;
}

void destroy(heap_text* text) noexcept {
  auto distance = text->slab_distance;
  text->~heap_text();
  if (distance == 0) return ::operator delete(static_cast<void*>(text));
  reinterpret_cast<text_slab*>(reinterpret_cast<std::byte*>(text) - distance)->release(1);
}

// A bytearray is mutable in Python, so two bytearrays with equal content are two objects. Each
// bytearray therefore has its own heap value.
bool value_access::fits_inline(kind k, std::size_t size) noexcept {
  return size <= value::inline_capacity && k != kind::bytearray;
}

// Builds both words in registers, because value::store needs a single store of 16 bytes.
value value_access::inline_text(kind k, std::string_view chars) noexcept {
  auto low = first_eight(chars),
       high = first_eight(chars.substr(std::min<std::size_t>(chars.size(), 8)));
  value v;
  v.store(
    static_cast<std::int64_t>(static_cast<std::uint64_t>(k) | (chars.size() << 8) | (low << 16)),
    static_cast<std::int64_t>((low >> 48) | (high << 16)));
  return v;
}

value value_access::text(kind k, std::string_view chars) {
  if (fits_inline(k, chars.size())) return inline_text(k, chars);
  auto* heap = make_text(::operator new(sizeof(heap_text) + chars.size()), k, chars.size());
  std::copy(chars.begin(), chars.end(), heap->chars());
  return adopt(heap);
}

value value_access::text(kind k, std::string_view chars, text_arena& arena) {
  if (fits_inline(k, chars.size())) return inline_text(k, chars);
  auto* heap = arena.make(k, chars.size());
  std::copy(chars.begin(), chars.end(), heap->chars());
  return adopt(heap);
}

refusal value_access::add(const value& set, value&& item, comparisons& work) {
  auto& heap = *static_cast<heap_set*>(get(set));
  if (!hashable(item)) return refusal::unhashable;
  auto h = key_index::hash_for(item, heap.size());
  auto same = [&](const value& other) {
    return !work.afford(item.weight()) || work.equal(other, item);
  };
  if (heap.frozen) return refusal::frozen;
  if (key_index::find(heap, item, h, same)) return refusal::none;
  if (auto why = grow(heap, item); why != refusal::none) return why;
  heap.items.push_back(std::move(item));
  key_index::push(heap, h);
  return refusal::none;
}

refusal value_access::assign(heap_dict& dict, value&& key, value&& mapped, comparisons& work) {
  if (!key_index::is_simple(key) && !hashable(key)) return refusal::unhashable;
  auto h = key_index::hash_for(key, dict.size());
  auto same = [&](const value& other) {
    return !work.afford(key.weight()) || work.equal(other, key);
  };
  // The weight of a replaced value is not subtracted, because an upper bound is enough.
  if (auto why = grow(dict, mapped); why != refusal::none) return why;
  if (auto at = key_index::find(dict, key, h, same)) {
    dict.entries[*at].second = std::move(mapped);
    return refusal::none;
  }
  if (auto why = grow(dict, key); why != refusal::none) return why;
  dict.entries.emplace_back(std::move(key), std::move(mapped));
  key_index::push(dict, h);
  return refusal::none;
}

refusal value_access::set_notes(const value& exception, std::vector<value> notes) {
  auto& heap = *static_cast<heap_exception*>(get(exception));
  for (const auto& note : notes)
    if (auto why = grow(heap, note); why != refusal::none) return why;
  heap.notes = std::move(notes);
  return refusal::none;
}

refusal value_access::set_file_names(const value& exception, std::vector<value> names) {
  auto& heap = *static_cast<heap_exception*>(get(exception));
  for (const auto& name : names)
    if (auto why = grow(heap, name); why != refusal::none) return why;
  heap.file_names = std::move(names);
  return refusal::none;
}

refusal value_access::set_state(const value& object, value state) {
  auto& heap = *get(object);
  if (auto why = grow(heap, state); why != refusal::none) return why;
  auto& parts = parts_of(object);
  parts.state = std::move(state);
  if (!has_hash(parts)) heap.hash.store(unhashable_mark, std::memory_order_relaxed);
  return refusal::none;
}

refusal value_access::append_item(const value& object, value item) {
  auto& heap = *get(object);
  if (auto why = grow(heap, item); why != refusal::none) return why;
  parts_of(object).items.push_back(std::move(item));
  heap.hash.store(unhashable_mark, std::memory_order_relaxed);
  return refusal::none;
}

refusal value_access::set_entry(const value& object, value key, value mapped) {
  auto& heap = *get(object);
  if (auto why = grow(heap, key); why != refusal::none) return why;
  if (auto why = grow(heap, mapped); why != refusal::none) return why;
  parts_of(object).entries.emplace_back(std::move(key), std::move(mapped));
  heap.hash.store(unhashable_mark, std::memory_order_relaxed);
  return refusal::none;
}

} // namespace patio::detail
