#include <patio/value/value.hpp>

#include <cstring>
#include <limits>
#include <new>
#include <stdexcept>

#include <patio/value/heap_value.hpp>
#include <patio/value/standard_types.hpp>

namespace patio {

using detail::saturating_add;
using detail::value_access;

namespace {

[[noreturn]] void wrong_kind(kind k, const char* expected) {
  throw std::logic_error{"patio::value: expected " + std::string{expected} + ", found "
                         + std::string{type_name(k)}};
}

void check(detail::refusal why, const char* what, const value& item) {
  switch (why) {
  case detail::refusal::none: return;
  case detail::refusal::unhashable:
    throw std::invalid_argument{"unhashable type: '" + std::string{type_name(item.kind())} + "' "
                                + what};
  default:
    throw std::length_error{"patio::value: nested deeper than " + std::to_string(value::max_depth)};
  }
}

template <class Heap>
Heap& heap_of(const value& v) {
  return *static_cast<Heap*>(value_access::get(v));
}

} // namespace

std::string_view type_name(kind k) noexcept {
  static constexpr std::array<std::string_view, 15> names{
    "NoneType", "bool",  "int",  "float", "complex",   "str",           "bytes", "bytearray",
    "list",     "tuple", "dict", "set",   "frozenset", "BaseException", "object"};
  return names[static_cast<std::size_t>(k)];
}

value value::from_unsigned(std::uint64_t u) {
  if (u <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return value{static_cast<std::int64_t>(u)};
  return value{integer::from_unsigned(u)};
}

value::value(const integer& big) : raw_{} {
  if (auto small = big.as_int64()) init(patio::kind::integer, *small);
  else *this = value_access::adopt(new detail::heap_integer{big});
}

value::value(std::complex<double> c) : value{value_access::adopt(new detail::heap_complex{c})} {}

value::value(std::string_view text) : value{value_access::text(patio::kind::str, text)} {}

void value::retain() const noexcept {
  value_access::get(*this)->refs.fetch_add(1, std::memory_order_relaxed);
}

// Recursion is bounded: no value is deeper than max_depth.
void value::release() noexcept {
  auto* heap = value_access::get(*this);
  // If this is the only reference, no other thread can copy it, so the count need not be written.
  if (heap->refs.load(std::memory_order_acquire) != 1
      && heap->refs.fetch_sub(1, std::memory_order_acq_rel) != 1)
    return;
  switch (heap->k) {
  case patio::kind::integer: delete static_cast<detail::heap_integer*>(heap); break;
  case patio::kind::complex: delete static_cast<detail::heap_complex*>(heap); break;
  case patio::kind::list:
  case patio::kind::tuple: delete static_cast<detail::heap_sequence*>(heap); break;
  case patio::kind::set:
  case patio::kind::frozenset: delete static_cast<detail::heap_set*>(heap); break;
  case patio::kind::dict: delete static_cast<detail::heap_dict*>(heap); break;
  case patio::kind::exception: delete static_cast<detail::heap_exception*>(heap); break;
  case patio::kind::object: delete static_cast<detail::heap_object*>(heap); break;
  default: detail::destroy(static_cast<detail::heap_text*>(heap));
  }
}

value value::bytes(std::string_view data) { return value_access::text(patio::kind::bytes, data); }
value value::bytearray(std::string_view data) {
  return value_access::text(patio::kind::bytearray, data);
}

namespace {

void count_part(detail::heap_value& heap, const value& part) noexcept {
  heap.depth = std::max<std::uint16_t>(heap.depth, static_cast<std::uint16_t>(part.depth() + 1));
  heap.weight = saturating_add(heap.weight, part.weight());
}

value sequence(kind k, std::vector<value> items) {
  auto* heap = new detail::heap_sequence{k};
  auto v = value_access::adopt(heap);
  for (const auto& item : items) count_part(*heap, item);
  if (heap->depth > value::max_depth) check(detail::refusal::too_deep, "", v);
  if (k == kind::tuple && !std::all_of(items.begin(), items.end(), hashable))
    heap->hash.store(detail::unhashable_mark, std::memory_order_relaxed);
  heap->items = std::move(items);
  return v;
}

value any_set(kind k, std::vector<value> items) {
  auto v = value_access::adopt(new detail::heap_set{k});
  detail::comparisons work;
  for (auto& item : items) check(value_access::add(v, std::move(item), work), "in a set", item);
  return v;
}

} // namespace

value value::list(std::vector<value> items) {
  return sequence(patio::kind::list, std::move(items));
}
value value::tuple(std::vector<value> items) {
  return sequence(patio::kind::tuple, std::move(items));
}
value value::set(std::vector<value> items) { return any_set(patio::kind::set, std::move(items)); }
value value::frozenset(std::vector<value> items) {
  return any_set(patio::kind::frozenset, std::move(items));
}

value value::dict(std::vector<dict_entry> entries) {
  auto* heap = new detail::heap_dict;
  auto v = value_access::adopt(heap);
  detail::comparisons work;
  for (auto& [key, mapped] : entries)
    check(value_access::assign(*heap, std::move(key), std::move(mapped), work), "as a dict key",
          key);
  return v;
}

value value::exception(std::string type, std::vector<value> args, std::vector<value> notes) {
  auto* heap = new detail::heap_exception;
  auto v = value_access::adopt(heap);
  auto parts = sequence(patio::kind::tuple, args);
  heap->depth = static_cast<std::uint16_t>(parts.depth());
  heap->weight = saturating_add(saturating_add(heap->weight, parts.weight()), type.size());
  heap->type = std::move(type);
  heap->args = std::move(args);
  check(value_access::set_notes(v, std::move(notes)), "", v);
  return v;
}

value value::object(object_parts parts) {
  auto* heap = new detail::heap_object{std::move(parts)};
  auto v = value_access::adopt(heap);
  const auto& p = heap->parts;
  heap->weight += p.module.size() + p.name.size();
  for (const auto& arg : p.args) count_part(*heap, arg);
  for (const auto& item : p.items) count_part(*heap, item);
  for (const auto& [key, mapped] : p.entries) {
    count_part(*heap, key);
    count_part(*heap, mapped);
  }
  count_part(*heap, p.state);
  if (heap->depth > value::max_depth) check(detail::refusal::too_deep, "", v);
  if (!detail::has_hash(p)) heap->hash.store(detail::unhashable_mark, std::memory_order_relaxed);
  return v;
}

bool value::as_bool() const {
  if (kind() != patio::kind::boolean) wrong_kind(kind(), "a bool");
  return raw_[8] != 0;
}

double value::as_real() const {
  if (kind() != patio::kind::real) wrong_kind(kind(), "a float");
  double d{};
  std::memcpy(&d, raw_.data() + 8, 8);
  return d;
}

std::complex<double> value::as_complex() const {
  if (kind() != patio::kind::complex) wrong_kind(kind(), "a complex");
  return heap_of<detail::heap_complex>(*this).number;
}

std::optional<std::int64_t> value::as_int64() const {
  if (kind() != patio::kind::integer) wrong_kind(kind(), "an int");
  if (on_heap()) return {};
  std::int64_t i{};
  std::memcpy(&i, raw_.data() + 8, 8);
  return i;
}

integer value::as_integer() const {
  if (auto small = as_int64()) return integer{*small};
  return heap_of<detail::heap_integer>(*this).number;
}

namespace {

std::string_view chars_of(const value& v) noexcept {
  auto& heap = heap_of<detail::heap_text>(v);
  return {heap.chars(), heap.size};
}

} // namespace

std::string_view value::text() const {
  if (kind() != patio::kind::str) wrong_kind(kind(), "a str");
  return on_heap() ? chars_of(*this)
                   : std::string_view{reinterpret_cast<const char*>(raw_.data() + 2), raw_[1]};
}

std::string_view value::data() const {
  if (kind() != patio::kind::bytes && kind() != patio::kind::bytearray)
    wrong_kind(kind(), "bytes or bytearray");
  return on_heap() ? chars_of(*this)
                   : std::string_view{reinterpret_cast<const char*>(raw_.data() + 2), raw_[1]};
}

std::span<const value> value::items() const {
  switch (kind()) {
  case patio::kind::list:
  case patio::kind::tuple: return heap_of<detail::heap_sequence>(*this).items;
  case patio::kind::set:
  case patio::kind::frozenset: return heap_of<detail::heap_set>(*this).items;
  default: wrong_kind(kind(), "a list, tuple, set or frozenset");
  }
}

std::span<const dict_entry> value::entries() const {
  if (kind() != patio::kind::dict) wrong_kind(kind(), "a dict");
  return heap_of<detail::heap_dict>(*this).entries;
}

const value* value::find(const value& key) const {
  if (kind() != patio::kind::dict) wrong_kind(kind(), "a dict");
  auto& heap = heap_of<detail::heap_dict>(*this);
  auto hash = detail::key_index::hash_for(key, heap.size());
  auto at =
    detail::key_index::find(heap, key, hash, [&](const value& other) { return other == key; });
  return at ? &heap.entries[*at].second : nullptr;
}

bool value::contains(const value& item) const {
  if (kind() != patio::kind::set && kind() != patio::kind::frozenset)
    wrong_kind(kind(), "a set or frozenset");
  auto& heap = heap_of<detail::heap_set>(*this);
  auto hash = detail::key_index::hash_for(item, heap.size());
  auto same = [&](const value& other) { return other == item; };
  return detail::key_index::find(heap, item, hash, same).has_value();
}

std::string_view value::exception_type() const {
  if (kind() != patio::kind::exception) wrong_kind(kind(), "an exception");
  return heap_of<detail::heap_exception>(*this).type;
}

std::span<const value> value::exception_args() const {
  if (kind() != patio::kind::exception) wrong_kind(kind(), "an exception");
  return heap_of<detail::heap_exception>(*this).args;
}

std::span<const value> value::exception_notes() const {
  if (kind() != patio::kind::exception) wrong_kind(kind(), "an exception");
  return heap_of<detail::heap_exception>(*this).notes;
}

std::span<const value> value::exception_file_names() const {
  if (kind() != patio::kind::exception) wrong_kind(kind(), "an exception");
  return heap_of<detail::heap_exception>(*this).file_names;
}

const object_parts& value::as_object() const {
  if (kind() != patio::kind::object) wrong_kind(kind(), "an object");
  return heap_of<detail::heap_object>(*this).parts;
}

unsigned value::depth() const noexcept { return on_heap() ? value_access::get(*this)->depth : 0; }
std::uint64_t value::weight() const noexcept {
  return on_heap() ? value_access::get(*this)->weight : 16;
}
const void* value::identity() const noexcept {
  return on_heap() ? value_access::get(*this) : nullptr;
}

} // namespace patio
