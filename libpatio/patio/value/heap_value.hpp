/// Heap values hold the data of each `value` that does not fit inline. A decoder changes them only
/// through value_access. Internal to value/ and pickle/. Ownership: each `value` that refers to a
/// heap value holds one reference, and the release of the last reference deletes the heap value.
/// Threads: the reference count and the hash are atomic. Everything else is constant once a second
/// thread can reach the heap value.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>
#include <memory>

#include <patio/value/integer.hpp>
#include <patio/value/key_index.hpp>
#include <patio/value/value.hpp>

namespace patio::detail {

/// Marks an unhashable tuple or object in place of a hash. Every real hash is larger.
inline constexpr std::uint64_t unhashable_mark = 1;

/// Adds two weights. Returns the largest weight if the sum overflows.
[[nodiscard]] constexpr std::uint64_t saturating_add(std::uint64_t a, std::uint64_t b) noexcept {
  auto sum = a + b;
  return sum < a ? std::numeric_limits<std::uint64_t>::max() : sum;
}

/// The base of every heap value. It has no virtual destructor: value::release selects the type to
/// delete by `k`.
struct heap_value {
  explicit heap_value(kind which) : k{which} {}
  std::atomic<std::uint32_t> refs{1};
  std::uint16_t depth = 0; ///< see value::depth
  kind k;
  /// A second reference exists, so a decoder must not change the contents.
  bool frozen = false;
  std::uint64_t weight = 16; ///< in bytes; see value::weight
  /// 0 until computed; `unhashable_mark` if there is no hash.
  mutable std::atomic<std::uint64_t> hash{0};
};

/// An allocation for several short texts. The release of the last text in it frees the allocation.
struct text_slab {
  /// The texts in use. While an arena adds texts, the count is too large by `filling`.
  std::atomic<std::uint32_t> texts{filling};
  static constexpr std::uint32_t filling = 1U << 31;

  /// Drops `count` texts.
  void release(std::uint32_t count) noexcept {
    if (texts.fetch_sub(count, std::memory_order_acq_rel) == count)
      ::operator delete(static_cast<void*>(this));
  }
};

/// A str, bytes or bytearray. The characters follow the object in the same allocation.
struct heap_text : heap_value {
  using heap_value::heap_value;
  static constexpr std::uint64_t max_size = (std::uint64_t{1} << 48) - 1; // of 47-bit addresses
  std::uint64_t size : 48 = 0;
  std::uint64_t slab_distance : 16 = 0; ///< bytes from the start of the text_slab, or 0 without one
  [[nodiscard]] char* chars() noexcept { return reinterpret_cast<char*>(this + 1); }
  [[nodiscard]] const char* chars() const noexcept {
    return reinterpret_cast<const char*>(this + 1);
  }
};

struct heap_integer : heap_value {
  explicit heap_integer(const integer& big) : heap_value{kind::integer}, number{big} {
    weight += number.magnitude().size();
  }
  integer number;
};

struct heap_complex : heap_value {
  explicit heap_complex(std::complex<double> z) : heap_value{kind::complex}, number{z} {}
  std::complex<double> number;
};

struct heap_sequence : heap_value { ///< list, tuple
  explicit heap_sequence(kind which) : heap_value{which} { depth = 1; }
  std::vector<value> items;
};

struct heap_set : heap_value { ///< set, frozenset
  explicit heap_set(kind which) : heap_value{which} { depth = 1; }
  std::vector<value> items;
  key_index index;

  [[nodiscard]] const value& key_at(std::size_t i) const noexcept { return items[i]; }
  [[nodiscard]] std::size_t size() const noexcept { return items.size(); }
};

struct heap_dict : heap_value {
  heap_dict() : heap_value{kind::dict} { depth = 1; }
  std::vector<dict_entry> entries;
  key_index index;

  [[nodiscard]] const value& key_at(std::size_t i) const noexcept { return entries[i].first; }
  [[nodiscard]] std::size_t size() const noexcept { return entries.size(); }
};

struct heap_exception : heap_value {
  heap_exception() : heap_value{kind::exception} { depth = 1; }
  std::string type;
  std::vector<value> args;
  std::vector<value> notes;
  std::vector<value> file_names; ///< of an OSError: filename, then filename2
};

struct heap_object : heap_value {
  explicit heap_object(object_parts p) : heap_value{kind::object}, parts{std::move(p)} {
    depth = 1;
  }
  object_parts parts;
};

/// The reason why a container refused an element.
enum class refusal : std::uint8_t { none, too_deep, frozen, unhashable };

/// A budget, in bytes, for comparing keys that have equal hashes. A peer that sends many large
/// equal keys exhausts the budget.
class comparisons {
public:
  explicit comparisons(std::uint64_t max = std::numeric_limits<std::uint64_t>::max()) noexcept
      : max_{max} {}
  /// Spends the weight of one key. Returns false once the budget is exceeded.
  [[nodiscard]] bool afford(std::uint64_t weight) noexcept {
    constexpr std::uint64_t min = 256; // even the smallest key costs a look-up
    spent_ += std::max(min, weight);
    return !exceeded();
  }
  [[nodiscard]] bool exceeded() const noexcept { return spent_ > max_; }

  /// Compares two keys that have equal hashes. Records whether the keys are unequal.
  [[nodiscard]] bool equal(const value& a, const value& b) {
    bool are_equal = a == b;
    any_twins_ = any_twins_ || !are_equal;
    return are_equal;
  }
  /// Returns true if unequal keys had equal hashes. Such keys usually contain the same NaN.
  [[nodiscard]] bool any_twins() const noexcept { return any_twins_; }

private:
  std::uint64_t max_, spent_ = 0;
  bool any_twins_ = false;
};

void destroy(heap_text* text) noexcept;

/// Allocates the texts of one pickle. After the first few, short texts share allocations of a
/// kibibyte, because malloc and free would take most of the time of reading them. One text can then
/// keep a kibibyte alive.
class text_arena {
public:
  text_arena() noexcept = default;
  text_arena(const text_arena&) = delete;
  text_arena& operator=(const text_arena&) = delete;
  ~text_arena() { close_slab(); }

  /// Makes a heap_text with room for `size` characters. The caller must write the characters.
  [[nodiscard]] heap_text* make(kind k, std::size_t size);

private:
  static constexpr std::size_t slab_bytes = 1008; ///< malloc's fast lists hold up to 1032 bytes
  static constexpr std::size_t max_shared = 128;
  static constexpr std::uint32_t separate_texts = 16;

  void close_slab() noexcept {
    if (slab_) slab_->release(text_slab::filling - in_slab_);
    slab_ = nullptr;
  }

  text_slab* slab_ = nullptr;
  std::size_t used_ = 0; ///< bytes of the slab
  std::uint32_t in_slab_ = 0;
  std::uint32_t made_ = 0; ///< at most separate_texts
};

/// Access for decoders, which still add elements to a container after they have handed out a
/// reference to it. A decoder must freeze a container when it hands out a second reference (pickle
/// opcodes GET and DUP). Then no cycle can arise, and no change can make the depth and weight of an
/// outer container wrong.
class value_access {
public:
  [[nodiscard]] static heap_value* get(const value& v) noexcept {
    if (!v.on_heap()) return nullptr;
    heap_value* heap{};
    std::memcpy(&heap, v.raw_.data() + 8, sizeof heap);
    return heap;
  }
  /// Takes over the initial reference of a new heap value.
  [[nodiscard]] static value adopt(heap_value* fresh) noexcept;
  /// Makes a str, bytes or bytearray. A str or bytes of at most value::inline_capacity bytes needs
  /// no allocation.
  [[nodiscard]] static value text(kind k, std::string_view chars);
  /// Does the same, with the arena for a text that is not inline.
  [[nodiscard]] static value text(kind k, std::string_view chars, text_arena& arena);

  /// Copies a value that no other thread can reach. The reference count then needs no atomic
  /// increment.
  [[nodiscard]] static value copy_private(const value& v) noexcept {
    value copy;
    copy.raw_ = v.raw_;
    if (auto* heap = get(v))
      heap->refs.store(heap->refs.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    return copy;
  }
  /// Drops a copy that copy_private made. Keeps the last reference, which the destructor of `v`
  /// releases.
  static void drop_private(value& v) noexcept {
    auto* heap = get(v);
    auto refs = heap ? heap->refs.load(std::memory_order_relaxed) : 1;
    if (refs == 1) return;
    heap->refs.store(refs - 1, std::memory_order_relaxed);
    v.raw_ = {};
  }

  using raw_words = std::array<std::uint64_t, 2>;
  /// Returns the bytes of a value. They identify the value during its life: they contain the
  /// address of its heap value, or its inline text or number.
  [[nodiscard]] static raw_words raw(const value& v) noexcept {
    return std::bit_cast<raw_words>(v.raw_);
  }

  /// Returns whether the value is stored inline and not on the heap.
  [[nodiscard]] static bool is_inline(const value& v) noexcept { return !v.on_heap(); }
  /// Returns the number of an inline value of kind integer.
  [[nodiscard]] static std::int64_t inline_integer(const value& v) noexcept {
    return static_cast<std::int64_t>(raw(v)[1]);
  }
  /// Returns true if no second value shares the heap value of `v`. A value that another thread
  /// copies at this moment may or may not count.
  [[nodiscard]] static bool is_sole(const value& v) noexcept {
    auto* heap = get(v);
    return heap && heap->refs.load(std::memory_order_relaxed) == 1;
  }

  [[nodiscard]] static bool is_frozen(const value& v) noexcept {
    auto* heap = get(v);
    return heap && heap->frozen;
  }
  static void freeze(const value& v) noexcept {
    if (auto* heap = get(v)) heap->frozen = true;
  }

  // The name of the first parameter is the kind of value that a function requires; `set` may also
  // be a frozenset. Once the budget of `work` is exceeded, keys with equal hashes count as equal
  // without a comparison. The caller must therefore check `work` afterwards. A refused argument
  // keeps its value.

  /// Appends `count` values. Those before a refused value are appended nevertheless.
  template <class ValueAt> // ValueAt(position) -> value&
  [[nodiscard]] static refusal append(heap_sequence& list, std::size_t count, ValueAt value_at);
  [[nodiscard]] static refusal add(const value& set, value&& item, comparisons& work);
  [[nodiscard]] static refusal assign(heap_dict& dict, value&& key, value&& mapped,
                                      comparisons& work);
  [[nodiscard]] static refusal set_notes(const value& exception, std::vector<value> notes);
  [[nodiscard]] static refusal set_file_names(const value& exception, std::vector<value> names);
  [[nodiscard]] static refusal set_state(const value& object, value state);
  [[nodiscard]] static refusal append_item(const value& object, value item);
  [[nodiscard]] static refusal set_entry(const value& object, value key, value mapped);

  [[nodiscard]] static std::uint64_t weight(const value& v) noexcept {
    constexpr std::uint64_t inline_weight = 16;
    const auto* heap = get(v);
    return heap ? heap->weight : inline_weight;
  }

private:
  [[nodiscard]] static bool fits_inline(kind k, std::size_t size) noexcept;
  [[nodiscard]] static value inline_text(kind k, std::string_view chars) noexcept;
  /// Adds the depth and weight of `part` to a container, or refuses the part.
  [[nodiscard]] static refusal grow(heap_value& container, const value& part);
  static object_parts& parts_of(const value& object) noexcept {
    return static_cast<heap_object*>(get(object))->parts;
  }
};

inline bool key_index::is_simple(const value& key) noexcept {
  return key.is_text() || (key.kind() == kind::integer && value_access::is_inline(key));
}

inline std::uint64_t key_index::hash_for(const value& key, std::size_t count) {
  return count <= max_scanned && is_simple(key) ? 0 : patio::hash(key);
}

inline bool key_index::equals_simple(const value& other, const value& key) {
  if (value_access::raw(other) == value_access::raw(key)) return true;
  // An inline value differs from each other value of its kind in its bytes.
  if (key.is_text()) return value_access::get(key) && other.is_text() && other == key;
  return other.kind() != key.kind() && other == key;
}

inline refusal value_access::grow(heap_value& container, const value& part) {
  const auto* heap = get(part);
  if (container.frozen) return refusal::frozen;
  if (heap && heap->depth >= value::max_depth) return refusal::too_deep;
  if (heap && heap->depth >= container.depth)
    container.depth = static_cast<std::uint16_t>(heap->depth + 1);
  container.weight = saturating_add(container.weight, weight(part));
  return refusal::none;
}

// Counts in local variables, because a list may have a million items.
template <class ValueAt>
refusal value_access::append(heap_sequence& list, std::size_t count, ValueAt value_at) {
  auto why = list.frozen && count > 0 ? refusal::frozen : refusal::none;
  auto depth = list.depth;
  auto weight = list.weight;
  for (std::size_t i = 0; i < count && why == refusal::none; ++i) {
    value& item = value_at(i);
    const auto* heap = get(item);
    if (heap && heap->depth >= value::max_depth) {
      why = refusal::too_deep;
      continue;
    }
    if (heap && heap->depth >= depth) depth = static_cast<std::uint16_t>(heap->depth + 1);
    weight = saturating_add(weight, value_access::weight(item));
    list.items.push_back(std::move(item));
  }
  list.depth = depth;
  list.weight = weight;
  return why;
}

} // namespace patio::detail
