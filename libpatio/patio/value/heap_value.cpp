#include <patio/value/heap_value.hpp>

#include <cstring>
#include <limits>
#include <new>

#include <patio/value/standard_types.hpp>

namespace patio::detail {

namespace {

static_assert(std::endian::native == std::endian::little,
              "a port must mirror the words that follow");

template <class UInt>
std::uint64_t load(const char* at) noexcept {
  UInt word{};
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// The first eight characters as a word, zero where there are fewer. Two loads may overlap.
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
  auto at = hashes_[position] & mask();
  while (slots_[at] != 0) at = (at + 1) & mask();
  slots_[at] = static_cast<std::uint32_t>(position + 1);
}

void position_index::push(std::uint64_t h) {
  hashes_.push_back(h);
  if (hashes_.size() <= 8) return;
  if (hashes_.size() * 2 <= slots_.size()) return place(hashes_.size() - 1);
  slots_.assign(std::max<std::size_t>(32, slots_.size() * 2), 0);
  for (std::size_t i = 0; i < hashes_.size(); ++i) place(i);
}

value value_access::adopt(heap_value* n) noexcept {
  value v;
  v.store(static_cast<std::int64_t>(n->k) | (value::heap_mark << 8),
          std::bit_cast<std::int64_t>(n));
  return v;
}

value value_access::text(kind k, std::string_view chars) {
  // A bytearray is mutable in Python: two of equal content stay two objects, so each has its own
  // node.
  if (chars.size() <= value::inline_capacity && k != kind::bytearray) {
    // In registers, for the reason given at value::store.
    auto low = first_eight(chars),
         high = first_eight(chars.substr(std::min<std::size_t>(chars.size(), 8)));
    value v;
    v.store(
      static_cast<std::int64_t>(static_cast<std::uint64_t>(k) | (chars.size() << 8) | (low << 16)),
      static_cast<std::int64_t>((low >> 48) | (high << 16)));
    return v;
  }
  auto* n = new (::operator new(sizeof(heap_text) + chars.size())) heap_text{k};
  n->size = chars.size();
  n->weight += chars.size();
  std::copy(chars.begin(), chars.end(), n->chars());
  return adopt(n);
}

refusal value_access::grow(heap_value& n, const value& part) {
  if (n.frozen) return refusal::frozen;
  auto depth = part.depth() + 1;
  if (depth > value::max_depth) return refusal::too_deep;
  if (depth > n.depth) n.depth = static_cast<std::uint16_t>(depth);
  auto sum = n.weight + part.weight();
  n.weight = sum < n.weight ? std::numeric_limits<std::uint64_t>::max() : sum;
  return refusal::none;
}

refusal value_access::append(const value& list, value item) {
  auto& n = *static_cast<heap_sequence*>(get(list));
  if (auto why = grow(n, item); why != refusal::none) return why;
  n.items.push_back(std::move(item));
  return refusal::none;
}

refusal value_access::add(const value& set, value item, comparisons& work) {
  auto& n = *static_cast<heap_set*>(get(set));
  if (!hashable(item)) return refusal::unhashable;
  auto h = hash(item);
  auto same = [&](std::size_t i) {
    return !work.afford(item.weight()) || work.equal(n.items[i], item);
  };
  if (n.frozen) return refusal::frozen;
  if (n.index.find(h, n.items.size(), same)) return refusal::none;
  if (auto why = grow(n, item); why != refusal::none) return why;
  n.index.push(h);
  n.items.push_back(std::move(item));
  return refusal::none;
}

refusal value_access::assign(const value& dict, value key, value mapped, comparisons& work) {
  auto& n = *static_cast<heap_dict*>(get(dict));
  if (!hashable(key)) return refusal::unhashable;
  auto h = hash(key);
  auto same = [&](std::size_t i) {
    return !work.afford(key.weight()) || work.equal(n.entries[i].first, key);
  };
  // The weight of a replaced value stays counted: an upper bound is all that is needed.
  if (auto why = grow(n, mapped); why != refusal::none) return why;
  if (auto at = n.index.find(h, n.entries.size(), same)) {
    n.entries[*at].second = std::move(mapped);
    return refusal::none;
  }
  if (auto why = grow(n, key); why != refusal::none) return why;
  n.index.push(h);
  n.entries.emplace_back(std::move(key), std::move(mapped));
  return refusal::none;
}

refusal value_access::set_notes(const value& exception, std::vector<value> notes) {
  auto& n = *static_cast<heap_exception*>(get(exception));
  for (const auto& note : notes)
    if (auto why = grow(n, note); why != refusal::none) return why;
  n.notes = std::move(notes);
  return refusal::none;
}

refusal value_access::set_state(const value& object, value state) {
  auto& n = *get(object);
  if (auto why = grow(n, state); why != refusal::none) return why;
  auto& parts = parts_of(object);
  parts.state = std::move(state);
  if (!has_hash(parts)) n.hash.store(unhashable_mark, std::memory_order_relaxed);
  return refusal::none;
}

refusal value_access::append_item(const value& object, value item) {
  auto& n = *get(object);
  if (auto why = grow(n, item); why != refusal::none) return why;
  parts_of(object).items.push_back(std::move(item));
  n.hash.store(unhashable_mark, std::memory_order_relaxed);
  return refusal::none;
}

refusal value_access::set_entry(const value& object, value key, value mapped) {
  auto& n = *get(object);
  if (auto why = grow(n, key); why != refusal::none) return why;
  if (auto why = grow(n, mapped); why != refusal::none) return why;
  parts_of(object).entries.emplace_back(std::move(key), std::move(mapped));
  n.hash.store(unhashable_mark, std::memory_order_relaxed);
  return refusal::none;
}

} // namespace patio::detail
