/// The shared parts behind a value, and the only door by which a decoder may fill them in.
/// Internal: include it from value*.cpp and the pickle reader and writer only.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>
#include <memory>

#include <patio/value/integer.hpp>
#include <patio/value/value.hpp>

namespace patio::detail {

/// In place of the hash of a tuple that has none; every real hash is larger.
inline constexpr std::uint64_t unhashable_mark = 1;

struct heap_value {
  explicit heap_value(kind which) : k{which} {}
  std::atomic<std::uint32_t> refs{1};
  std::uint16_t depth = 0;
  kind k;
  bool frozen =
    false; ///< a second reference was handed out, so a decoder may not change it any more
  std::uint64_t weight = 16;
  mutable std::atomic<std::uint64_t> hash{0}; ///< 0 until computed, or `unhashable_mark`
};

struct heap_text : heap_value {
  using heap_value::heap_value;
  std::size_t size = 0;
  [[nodiscard]] char* chars() noexcept { return reinterpret_cast<char*>(this + 1); }
  [[nodiscard]] const char* chars() const noexcept {
    return reinterpret_cast<const char*>(this + 1);
  }
};

struct heap_integer : heap_value {
  explicit heap_integer(const integer& big) : heap_value{kind::integer}, i{big} {
    weight += i.magnitude().size();
  }
  integer i;
};

struct heap_complex : heap_value {
  explicit heap_complex(std::complex<double> z) : heap_value{kind::complex}, c{z} {}
  std::complex<double> c;
};

struct heap_sequence : heap_value { ///< list, tuple
  explicit heap_sequence(kind which) : heap_value{which} { depth = 1; }
  std::vector<value> items;
};

/// Positions of a growing vector by hash; empty below nine elements, where looking at each is
/// faster.
class position_index {
public:
  template <class Equal> // Equal(position) -> bool
  [[nodiscard]] std::optional<std::size_t> find(std::uint64_t h, std::size_t count,
                                                Equal equal) const {
    if (slots_.empty()) {
      for (std::size_t i = 0; i < count; ++i)
        if (hashes_[i] == h && equal(i)) return i;
      return {};
    }
    for (auto at = h & mask();; at = (at + 1) & mask()) {
      if (slots_[at] == 0) return {};
      auto i = slots_[at] - 1;
      if (hashes_[i] == h && equal(i)) return i;
    }
  }
  void push(std::uint64_t h);
  void reserve(std::size_t count) { hashes_.reserve(count); }

private:
  [[nodiscard]] std::size_t mask() const noexcept { return slots_.size() - 1; }
  void place(std::size_t position);
  std::vector<std::uint64_t> hashes_;
  std::vector<std::uint32_t> slots_; ///< position + 1, 0 if free; a power of two, at most half full
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
};

struct heap_object : heap_value {
  explicit heap_object(object_parts p) : heap_value{kind::object}, parts{std::move(p)} {
    depth = 1;
  }
  object_parts parts;
};

/// Why a container did not take an element.
enum class refusal : std::uint8_t { none, too_deep, frozen, unhashable };

/// Weighs the keys that have the same hash and so must be compared: a flood of equal heavy keys
/// shows here.
class comparisons {
public:
  explicit comparisons(std::uint64_t most = std::numeric_limits<std::uint64_t>::max()) noexcept
      : most_{most} {}
  [[nodiscard]] bool afford(std::uint64_t weight) noexcept {
    constexpr std::uint64_t least = 256; // what looking at a key costs, however small the key is
    done_ += std::max(least, weight);
    return !exceeded();
  }
  [[nodiscard]] bool exceeded() const noexcept { return done_ > most_; }

  /// Of two with the same hash. Those that differ all the same hold the same NaN, as a rule.
  [[nodiscard]] bool equal(const value& a, const value& b) {
    bool are = a == b;
    any_twins_ = any_twins_ || !are;
    return are;
  }
  [[nodiscard]] bool any_twins() const noexcept { return any_twins_; }

private:
  std::uint64_t most_, done_ = 0;
  bool any_twins_ = false;
};

/// For decoders, which fill containers in after handing out references to them. A container must be
/// frozen when a second reference leaves the decoder's stack (pickle GET and DUP): then cycles
/// cannot arise, and depth and weight stay exact.
class value_access {
public:
  [[nodiscard]] static heap_value* get(const value& v) noexcept {
    if (!v.on_heap()) return nullptr;
    heap_value* n{};
    std::memcpy(&n, v.raw_.data() + 8, sizeof n);
    return n;
  }
  [[nodiscard]] static value
  adopt(heap_value* n) noexcept; ///< takes over the one reference of a fresh node
  [[nodiscard]] static value text(kind k, std::string_view chars);

  /// A copy, and the end of one, as long as no other thread can know the value: counting then needs
  /// no atomic step.
  [[nodiscard]] static value copy_private(const value& v) noexcept {
    value copy;
    copy.raw_ = v.raw_;
    if (auto* n = get(v))
      n->refs.store(n->refs.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    return copy;
  }
  static void drop_private(value& v) noexcept {
    auto* n = get(v);
    auto refs = n ? n->refs.load(std::memory_order_relaxed) : 1;
    if (refs == 1) return;
    n->refs.store(refs - 1, std::memory_order_relaxed);
    v.raw_ = {};
  }

  /// What tells a value apart as long as it lives: the address of what is shared, or a short text
  /// or a number itself.
  using raw_words = std::array<std::uint64_t, 2>;
  [[nodiscard]] static raw_words raw(const value& v) noexcept {
    return std::bit_cast<raw_words>(v.raw_);
  }

  static void freeze(const value& v) noexcept {
    if (auto* n = get(v)) n->frozen = true;
  }
  /// list
  [[nodiscard]] static refusal append(const value& list, value item);
  /// set, frozenset. What cannot be afforded is not compared; look at `work` afterwards.
  [[nodiscard]] static refusal add(const value& set, value item, comparisons& work);
  /// dict
  [[nodiscard]] static refusal assign(const value& dict, value key, value mapped,
                                      comparisons& work);
  /// exception
  [[nodiscard]] static refusal set_notes(const value& exception, std::vector<value> notes);
  /// object
  [[nodiscard]] static refusal set_state(const value& object, value state);
  [[nodiscard]] static refusal append_item(const value& object, value item);
  [[nodiscard]] static refusal set_entry(const value& object, value key, value mapped);

private:
  [[nodiscard]] static refusal grow(heap_value& n, const value& part);
  static object_parts& parts_of(const value& object) noexcept {
    return static_cast<heap_object*>(get(object))->parts;
  }
};

} // namespace patio::detail
