#include <patio/value/value.hpp>

#include <cstring>
#include <limits>
#include <new>
#include <stdexcept>

#include <patio/value/heap_value.hpp>
#include <patio/value/standard_types.hpp>

namespace patio {

using detail::value_access;

namespace {

[[noreturn]] void wrong_kind(kind k, const char* wanted) {
  throw std::logic_error{"patio::value: not " + std::string{wanted} + " but "
                         + std::string{type_name(k)}};
}

std::uint64_t saturating_add(std::uint64_t a, std::uint64_t b) noexcept {
  auto sum = a + b;
  return sum < a ? std::numeric_limits<std::uint64_t>::max() : sum;
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

template <class Node>
Node& node_of(const value& v) {
  return *static_cast<Node*>(value_access::get(v));
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
  auto* n = value_access::get(*this);
  // Whoever holds the only reference need not write: nobody else can take one meanwhile.
  if (n->refs.load(std::memory_order_acquire) != 1
      && n->refs.fetch_sub(1, std::memory_order_acq_rel) != 1)
    return;
  switch (n->k) {
  case patio::kind::integer: delete static_cast<detail::heap_integer*>(n); break;
  case patio::kind::complex: delete static_cast<detail::heap_complex*>(n); break;
  case patio::kind::list:
  case patio::kind::tuple: delete static_cast<detail::heap_sequence*>(n); break;
  case patio::kind::set:
  case patio::kind::frozenset: delete static_cast<detail::heap_set*>(n); break;
  case patio::kind::dict: delete static_cast<detail::heap_dict*>(n); break;
  case patio::kind::exception: delete static_cast<detail::heap_exception*>(n); break;
  case patio::kind::object: delete static_cast<detail::heap_object*>(n); break;
  default:
    static_cast<detail::heap_text*>(n)->~heap_text();
    ::operator delete(static_cast<void*>(n));
  }
}

value value::bytes(std::string_view data) { return value_access::text(patio::kind::bytes, data); }
value value::bytearray(std::string_view data) {
  return value_access::text(patio::kind::bytearray, data);
}

namespace {

value sequence(kind k, std::vector<value> items) {
  auto* n = new detail::heap_sequence{k};
  auto v = value_access::adopt(n);
  for (const auto& item : items) {
    n->depth = std::max<std::uint16_t>(n->depth, static_cast<std::uint16_t>(item.depth() + 1));
    n->weight = saturating_add(n->weight, item.weight());
  }
  if (n->depth > value::max_depth) check(detail::refusal::too_deep, "", v);
  if (k == kind::tuple && !std::all_of(items.begin(), items.end(), hashable))
    n->hash.store(detail::unhashable_mark, std::memory_order_relaxed);
  n->items = std::move(items);
  return v;
}

value any_set(kind k, std::vector<value> items) {
  auto v = value_access::adopt(new detail::heap_set{k});
  detail::comparisons work;
  for (auto& item : items) check(value_access::add(v, item, work), "in a set", item);
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
  auto v = value_access::adopt(new detail::heap_dict);
  detail::comparisons work;
  for (auto& [key, mapped] : entries)
    check(value_access::assign(v, key, std::move(mapped), work), "as a dict key", key);
  return v;
}

value value::exception(std::string type, std::vector<value> args, std::vector<value> notes) {
  auto* n = new detail::heap_exception;
  auto v = value_access::adopt(n);
  auto parts = sequence(patio::kind::tuple, args);
  n->depth = static_cast<std::uint16_t>(parts.depth());
  n->weight = saturating_add(saturating_add(n->weight, parts.weight()), type.size());
  n->type = std::move(type);
  n->args = std::move(args);
  check(value_access::set_notes(v, std::move(notes)), "", v);
  return v;
}

value value::object(object_parts parts) {
  auto* n = new detail::heap_object{std::move(parts)};
  auto v = value_access::adopt(n);
  const auto& p = n->parts;
  n->weight += p.module.size() + p.name.size();
  auto count = [&](const value& part) {
    n->depth = std::max<std::uint16_t>(n->depth, static_cast<std::uint16_t>(part.depth() + 1));
    n->weight = saturating_add(n->weight, part.weight());
  };
  for (const auto& arg : p.args) count(arg);
  for (const auto& item : p.items) count(item);
  for (const auto& [key, mapped] : p.entries) count(key), count(mapped);
  count(p.state);
  if (n->depth > value::max_depth) check(detail::refusal::too_deep, "", v);
  if (!detail::has_hash(p)) n->hash.store(detail::unhashable_mark, std::memory_order_relaxed);
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
  return node_of<detail::heap_complex>(*this).c;
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
  return node_of<detail::heap_integer>(*this).i;
}

namespace {

std::string_view chars_of(const value& v) noexcept {
  auto& n = node_of<detail::heap_text>(v);
  return {n.chars(), n.size};
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
  case patio::kind::tuple: return node_of<detail::heap_sequence>(*this).items;
  case patio::kind::set:
  case patio::kind::frozenset: return node_of<detail::heap_set>(*this).items;
  default: wrong_kind(kind(), "a list, tuple, set or frozenset");
  }
}

std::span<const dict_entry> value::entries() const {
  if (kind() != patio::kind::dict) wrong_kind(kind(), "a dict");
  return node_of<detail::heap_dict>(*this).entries;
}

const value* value::find(const value& key) const {
  if (kind() != patio::kind::dict) wrong_kind(kind(), "a dict");
  auto& n = node_of<detail::heap_dict>(*this);
  auto at = n.index.find(hash(key), n.entries.size(),
                         [&](std::size_t i) { return n.entries[i].first == key; });
  return at ? &n.entries[*at].second : nullptr;
}

bool value::contains(const value& item) const {
  if (kind() != patio::kind::set && kind() != patio::kind::frozenset)
    wrong_kind(kind(), "a set or frozenset");
  auto& n = node_of<detail::heap_set>(*this);
  return n.index.find(hash(item), n.items.size(), [&](std::size_t i) { return n.items[i] == item; })
    .has_value();
}

std::string_view value::exception_type() const {
  if (kind() != patio::kind::exception) wrong_kind(kind(), "an exception");
  return node_of<detail::heap_exception>(*this).type;
}

std::span<const value> value::exception_args() const {
  if (kind() != patio::kind::exception) wrong_kind(kind(), "an exception");
  return node_of<detail::heap_exception>(*this).args;
}

std::span<const value> value::exception_notes() const {
  if (kind() != patio::kind::exception) wrong_kind(kind(), "an exception");
  return node_of<detail::heap_exception>(*this).notes;
}

const object_parts& value::as_object() const {
  if (kind() != patio::kind::object) wrong_kind(kind(), "an object");
  return node_of<detail::heap_object>(*this).parts;
}

unsigned value::depth() const noexcept { return on_heap() ? value_access::get(*this)->depth : 0; }
std::uint64_t value::weight() const noexcept {
  return on_heap() ? value_access::get(*this)->weight : 16;
}
const void* value::identity() const noexcept {
  return on_heap() ? value_access::get(*this) : nullptr;
}

} // namespace patio
