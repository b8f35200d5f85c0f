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

/// A str, bytes or bytearray. The characters follow the object in the same allocation.
struct heap_text : heap_value {
  using heap_value::heap_value;
  std::size_t size = 0;
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

/// A hash table of the positions in a growing vector. A table of at most eight elements has no
/// slots, because a scan of the hashes is faster.
class position_index {
public:
  /// Returns the position of the first element with this hash for which `equal` returns true.
  /// `count` is the size of the vector.
  template <class Equal> // Equal(position) -> bool
  [[nodiscard]] std::optional<std::size_t> find(std::uint64_t hash, std::size_t count,
                                                Equal equal) const {
    if (slots_.empty()) {
      for (std::size_t i = 0; i < count; ++i)
        if (hashes_[i] == hash && equal(i)) return i;
      return {};
    }
    for (auto at = hash & mask();; at = (at + 1) & mask()) {
      if (slots_[at] == 0) return {};
      auto i = slots_[at] - 1;
      if (hashes_[i] == hash && equal(i)) return i;
    }
  }
  /// Adds the hash of the vector's next element.
  void push(std::uint64_t hash);
  void reserve(std::size_t count) { hashes_.reserve(count); }

private:
  [[nodiscard]] std::size_t mask() const noexcept { return slots_.size() - 1; }
  void place(std::size_t position);
  std::vector<std::uint64_t> hashes_;
  /// Each element is a position + 1, or 0 if free. The size is a power of two, and at most half of
  /// the elements are in use.
  std::vector<std::uint32_t> slots_;
};

struct heap_set : heap_value { ///< set, frozenset
  explicit heap_set(kind which) : heap_value{which} { depth = 1; }
  std::vector<value> items;
  position_index index;
};

struct heap_dict : heap_value {
  heap_dict() : heap_value{kind::dict} { depth = 1; }
  std::vector<dict_entry> entries;
  position_index index;
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

  [[nodiscard]] static bool is_frozen(const value& v) noexcept {
    auto* heap = get(v);
    return heap && heap->frozen;
  }
  static void freeze(const value& v) noexcept {
    if (auto* heap = get(v)) heap->frozen = true;
  }

  // The name of the first parameter is the kind of value that a function requires; `set` may also
  // be a frozenset. Once the budget of `work` is exceeded, keys with equal hashes count as equal
  // without a comparison. The caller must therefore check `work` afterwards.

  [[nodiscard]] static refusal append(const value& list, value item);
  [[nodiscard]] static refusal add(const value& set, value item, comparisons& work);
  [[nodiscard]] static refusal assign(const value& dict, value key, value mapped,
                                      comparisons& work);
  [[nodiscard]] static refusal set_notes(const value& exception, std::vector<value> notes);
  [[nodiscard]] static refusal set_file_names(const value& exception, std::vector<value> names);
  [[nodiscard]] static refusal set_state(const value& object, value state);
  [[nodiscard]] static refusal append_item(const value& object, value item);
  [[nodiscard]] static refusal set_entry(const value& object, value key, value mapped);

private:
  /// Adds the depth and weight of `part` to a container, or refuses the part.
  [[nodiscard]] static refusal grow(heap_value& container, const value& part);
  static object_parts& parts_of(const value& object) noexcept {
    return static_cast<heap_object*>(get(object))->parts;
  }
};

} // namespace patio::detail
