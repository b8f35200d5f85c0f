#include <patio/value/heap_value.hpp>

#include <cstring>
#include <limits>
#include <new>

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

void position_index::place(std::size_t position) {
  auto slot = hashes_[position] & mask();
  while (slots_[slot] != 0) slot = (slot + 1) & mask();
  slots_[slot] = static_cast<std::uint32_t>(position + 1);
}

void position_index::push(std::uint64_t hash) {
  hashes_.push_back(hash);
  if (hashes_.size() <= 8) return;
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

value value_access::text(kind k, std::string_view chars) {
  // A bytearray is mutable in Python, so two bytearrays with equal content are two objects. Each
  // bytearray therefore has its own heap value.
  if (chars.size() <= value::inline_capacity && k != kind::bytearray) {
    // Build both words in registers, because value::store needs a single store of 16 bytes.
    auto low = first_eight(chars),
         high = first_eight(chars.substr(std::min<std::size_t>(chars.size(), 8)));
    value v;
    v.store(
      static_cast<std::int64_t>(static_cast<std::uint64_t>(k) | (chars.size() << 8) | (low << 16)),
      static_cast<std::int64_t>((low >> 48) | (high << 16)));
    return v;
  }
  auto* heap = new (::operator new(sizeof(heap_text) + chars.size())) heap_text{k};
  heap->size = chars.size();
  heap->weight += chars.size();
  std::copy(chars.begin(), chars.end(), heap->chars());
  return adopt(heap);
}

refusal value_access::grow(heap_value& container, const value& part) {
  if (container.frozen) return refusal::frozen;
  auto depth = part.depth() + 1;
  if (depth > value::max_depth) return refusal::too_deep;
  if (depth > container.depth) container.depth = static_cast<std::uint16_t>(depth);
  container.weight = saturating_add(container.weight, part.weight());
  return refusal::none;
}

refusal value_access::append(const value& list, value item) {
  auto& heap = *static_cast<heap_sequence*>(get(list));
  if (auto why = grow(heap, item); why != refusal::none) return why;
  heap.items.push_back(std::move(item));
  return refusal::none;
}

refusal value_access::add(const value& set, value item, comparisons& work) {
  auto& heap = *static_cast<heap_set*>(get(set));
  if (!hashable(item)) return refusal::unhashable;
  auto h = hash(item);
  auto same = [&](std::size_t i) {
    return !work.afford(item.weight()) || work.equal(heap.items[i], item);
  };
  if (heap.frozen) return refusal::frozen;
  if (heap.index.find(h, heap.items.size(), same)) return refusal::none;
  if (auto why = grow(heap, item); why != refusal::none) return why;
  heap.index.push(h);
  heap.items.push_back(std::move(item));
  return refusal::none;
}

refusal value_access::assign(const value& dict, value key, value mapped, comparisons& work) {
  auto& heap = *static_cast<heap_dict*>(get(dict));
  if (!hashable(key)) return refusal::unhashable;
  auto h = hash(key);
  auto same = [&](std::size_t i) {
    return !work.afford(key.weight()) || work.equal(heap.entries[i].first, key);
  };
  // The weight of a replaced value is not subtracted, because an upper bound is enough.
  if (auto why = grow(heap, mapped); why != refusal::none) return why;
  if (auto at = heap.index.find(h, heap.entries.size(), same)) {
    heap.entries[*at].second = std::move(mapped);
    return refusal::none;
  }
  if (auto why = grow(heap, key); why != refusal::none) return why;
  heap.index.push(h);
  heap.entries.emplace_back(std::move(key), std::move(mapped));
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
