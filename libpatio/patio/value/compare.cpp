#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <stdexcept>

#include <patio/value/heap_value.hpp>

namespace patio {
namespace {

using detail::value_access;

// SipHash-1-3 (Aumasson and Bernstein) with a random key for each process. A peer that chooses the
// keys of a dict therefore cannot choose their hashes.
class sip_hash {
public:
  void mix(std::uint64_t word) noexcept {
    v3_ ^= word;
    round();
    v0_ ^= word;
    ++words_;
  }
  void mix(std::string_view bytes) noexcept {
    auto length = bytes.size();
    for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
      std::uint64_t word{};
      std::memcpy(&word, bytes.data(), 8);
      mix(word);
    }
    std::uint64_t last = static_cast<std::uint64_t>(length) << 56;
    // At most seven bytes are left, so they do not overwrite the length in the top byte.
    std::memcpy(&last, bytes.data(), bytes.size());
    mix(last);
  }
  [[nodiscard]] std::uint64_t finish() noexcept {
    mix(words_);
    v2_ ^= 0xff;
    for (int i = 0; i < 3; ++i) round();
    auto h = v0_ ^ v1_ ^ v2_ ^ v3_;
    // 0 and 1 have other meanings in heap_value::hash.
    return h <= detail::unhashable_mark ? h + 2 : h;
  }

private:
  struct key_pair {
    std::uint64_t k0, k1;
  };
  static key_pair key() {
    static const key_pair drawn = [] {
      std::random_device source;
      auto word = [&] { return (std::uint64_t{source()} << 32) | source(); };
      return key_pair{word(), word()};
    }();
    return drawn;
  }
  static void half_round(std::uint64_t& a, std::uint64_t& b, int bits) noexcept {
    a += b;
    b = std::rotl(b, bits) ^ a;
  }
  void round() noexcept {
    half_round(v0_, v1_, 13);
    v0_ = std::rotl(v0_, 32);
    half_round(v2_, v3_, 16);
    half_round(v0_, v3_, 21);
    half_round(v2_, v1_, 17);
    v2_ = std::rotl(v2_, 32);
  }
  std::uint64_t v0_ = key().k0 ^ 0x736f6d6570736575, v1_ = key().k1 ^ 0x646f72616e646f6d;
  std::uint64_t v2_ = key().k0 ^ 0x6c7967656e657261, v3_ = key().k1 ^ 0x7465646279746573;
  std::uint64_t words_ = 0;
};

bool is_number(kind k) noexcept { return k >= kind::boolean && k <= kind::complex; }
bool is_set(kind k) noexcept { return k == kind::set || k == kind::frozenset; }
bool is_bytes(kind k) noexcept { return k == kind::bytes || k == kind::bytearray; }

/// Returns the double that equals the integer, if such a double exists.
std::optional<double> exact_real(const integer& i) {
  auto d = i.as_real();
  if (std::isinf(d)) return {};
  auto m = i.magnitude();
  auto first = m.find_first_not_of('\0');
  if (first == std::string_view::npos) return 0.0;
  auto low =
    first * 8 + static_cast<std::size_t>(std::countr_zero(static_cast<unsigned char>(m[first])));
  auto high =
    m.size() * 8 - static_cast<std::size_t>(std::countl_zero(static_cast<unsigned char>(m.back())));
  return high - low <= 53 ? std::optional{d} : std::nullopt;
}

// A number in the form that Python compares. The real part is either a double or an integer that no
// double equals.
struct number {
  std::optional<double> real;
  integer whole;
  double imaginary = 0;
};

number number_of(const value& v) {
  switch (v.kind()) {
  case kind::boolean: return {v.as_bool() ? 1.0 : 0.0, {}, 0};
  case kind::real: return {v.as_real(), {}, 0};
  case kind::complex: return {v.as_complex().real(), {}, v.as_complex().imag()};
  default: {
    auto i = v.as_integer();
    auto d = exact_real(i);
    return d ? number{d, {}, 0} : number{{}, std::move(i), 0};
  }
  }
}

bool equal_numbers(const value& a, const value& b) {
  if (a.kind() == kind::integer && b.kind() == kind::integer && !a.identity() && !b.identity())
    return a.as_int64() == b.as_int64();
  auto x = number_of(a), y = number_of(b);
  return x.real == y.real && x.imaginary == y.imaginary && x.whole == y.whole;
}

template <class Compare>
bool all_equal(std::span<const value> a, std::span<const value> b, Compare compare) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), compare);
}

bool one_object(const value& a, const value& b) noexcept {
  return a.identity() && a.identity() == b.identity()
         && a.kind() != kind::complex; // a complex with a NaN is unequal to itself
}

void refuse_expansion(const value& a, const value& b) {
  if (!one_object(a, b) && std::min(a.weight(), b.weight()) > value::expansion_limit)
    throw std::length_error{"patio::value: too large to compare when shared parts are expanded"};
}

bool equal(const value& a, const value& b);

bool equal_dicts(const value& a, const value& b) {
  if (a.entries().size() != b.entries().size()) return false;
  for (const auto& [key, mapped] : a.entries()) {
    const auto* other = b.find(key);
    if (!other || !equal(mapped, *other)) return false;
  }
  return true;
}

bool equal_sets(const value& a, const value& b) {
  if (a.items().size() != b.items().size()) return false;
  return std::all_of(a.items().begin(), a.items().end(),
                     [&](const value& item) { return b.contains(item); });
}

template <class Compare>
bool equal_parts(const object_parts& a, const object_parts& b, Compare compare) {
  auto both = [&](const dict_entry& x, const dict_entry& y) {
    return compare(x.first, y.first) && compare(x.second, y.second);
  };
  return a.name == b.name && a.module == b.module && a.made_by == b.made_by
         && all_equal(a.args, b.args, compare) && all_equal(a.items, b.items, compare)
         && std::equal(a.entries.begin(), a.entries.end(), b.entries.begin(), b.entries.end(), both)
         && compare(a.state, b.state);
}

bool equal(const value& a, const value& b) {
  auto ka = a.kind(), kb = b.kind();
  if (one_object(a, b)) return true;
  if (is_number(ka) && is_number(kb)) return equal_numbers(a, b);
  if (is_bytes(ka) && is_bytes(kb)) return a.data() == b.data();
  if (is_set(ka) && is_set(kb)) return equal_sets(a, b);
  if (ka != kb) return false;
  switch (ka) {
  case kind::str: return a.text() == b.text();
  case kind::list:
  case kind::tuple: return all_equal(a.items(), b.items(), equal);
  case kind::dict: return equal_dicts(a, b);
  case kind::exception:
    return a.exception_type() == b.exception_type()
           && all_equal(a.exception_args(), b.exception_args(), equal)
           && all_equal(a.exception_notes(), b.exception_notes(), equal);
  case kind::object: return equal_parts(a.as_object(), b.as_object(), equal);
  default: return true; // None
  }
}

bool same(const value& a, const value& b);

bool same_entries(const dict_entry& a, const dict_entry& b) {
  return same(a.first, b.first) && same(a.second, b.second);
}

bool same_bits(double a, double b) noexcept {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

// Compares items with `same`, because == accepts numbers of another kind ({1} and {1.0}) and
// rejects every NaN. The linear search finds items that a look-up by hash does not find.
bool same_sets(const value& a, const value& b) {
  if (a.items().size() != b.items().size()) return false;
  const auto& heap = *static_cast<const detail::heap_set*>(value_access::get(b));
  return std::all_of(a.items().begin(), a.items().end(), [&](const value& x) {
    auto same_as = [&](const value& y) { return same(y, x); };
    auto hash = detail::key_index::hash_for(x, heap.size());
    return detail::key_index::find(heap, x, hash, same_as)
           || std::any_of(heap.items.begin(), heap.items.end(), same_as);
  });
}

bool same(const value& a, const value& b) {
  if (a.kind() != b.kind()) return false;
  if (a.identity() && a.identity() == b.identity()) return true;
  switch (a.kind()) {
  case kind::real: return same_bits(a.as_real(), b.as_real());
  case kind::complex: {
    auto x = a.as_complex(), y = b.as_complex();
    return same_bits(x.real(), y.real()) && same_bits(x.imag(), y.imag());
  }
  case kind::list:
  case kind::tuple: return all_equal(a.items(), b.items(), same);
  case kind::set:
  case kind::frozenset: return same_sets(a, b);
  case kind::dict:
    return std::equal(a.entries().begin(), a.entries().end(), b.entries().begin(),
                      b.entries().end(), same_entries);
  case kind::exception:
    return a.exception_type() == b.exception_type()
           && all_equal(a.exception_args(), b.exception_args(), same)
           && all_equal(a.exception_notes(), b.exception_notes(), same);
  case kind::object: return equal_parts(a.as_object(), b.as_object(), same);
  default: return equal(a, b);
  }
}

void mix_integer(sip_hash& h, const integer& i) {
  h.mix(i.magnitude());
  h.mix(i.negative() ? 1 : 0);
}

std::uint64_t hash_number(const value& v) {
  auto n = number_of(v);
  sip_hash h;
  // The same word for all kinds, because equal numbers have equal hashes.
  h.mix(static_cast<std::uint64_t>(kind::real));
  auto bits = [](double d) { return std::bit_cast<std::uint64_t>(d == 0 ? 0.0 : d); };
  if (n.real) h.mix(bits(*n.real));
  else mix_integer(h, n.whole);
  if (n.imaginary != 0) h.mix(bits(n.imaginary));
  return h.finish();
}

void mix_object(sip_hash& h, const object_parts& o) {
  h.mix(o.module);
  h.mix(o.name);
  for (const auto& arg : o.args) h.mix(hash(arg));
  if (o.state.kind() != kind::dict) return h.mix(hash(o.state));
  std::uint64_t sum = 0; // a sum, because equal dicts may differ in order
  for (const auto& [key, mapped] : o.state.entries())
    sum += hash(key) ^ std::rotl(hash(mapped), 32);
  h.mix(sum);
}

std::uint64_t hash_uncached(const value& v) {
  sip_hash h;
  h.mix(static_cast<std::uint64_t>(v.kind()));
  switch (v.kind()) {
  case kind::none: break;
  case kind::str: h.mix(v.text()); break;
  case kind::bytes: h.mix(v.data()); break;
  case kind::tuple:
    for (const auto& item : v.items()) h.mix(hash(item));
    break;
  case kind::frozenset: {
    std::uint64_t sum = 0; // a sum, because equal sets may differ in order
    for (const auto& item : v.items()) sum += hash(item);
    h.mix(sum);
    break;
  }
  case kind::object: mix_object(h, v.as_object()); break;
  default: return hash_number(v);
  }
  return h.finish();
}

} // namespace

bool operator==(const value& a, const value& b) {
  refuse_expansion(a, b);
  return equal(a, b);
}

bool identical(const value& a, const value& b) {
  refuse_expansion(a, b);
  return same(a, b);
}

bool hashable(const value& v) noexcept {
  switch (v.kind()) {
  case kind::tuple:
  case kind::object:
    return value_access::get(v)->hash.load(std::memory_order_relaxed) != detail::unhashable_mark;
  case kind::bytearray:
  case kind::list:
  case kind::dict:
  case kind::set:
  case kind::exception: return false;
  default: return true;
  }
}

std::uint64_t hash(const value& v) {
  if (!hashable(v))
    throw std::invalid_argument{"unhashable type: '" + std::string{type_name(v.kind())} + "'"};
  auto* heap = value_access::get(v);
  if (!heap) return hash_uncached(v);
  if (auto known = heap->hash.load(std::memory_order_relaxed); known != 0) return known;
  auto h = hash_uncached(v);
  heap->hash.store(h, std::memory_order_relaxed);
  return h;
}

} // namespace patio
