/// The index of the keys in a dict or set. Internal to value/ and pickle/: include heap_value.hpp,
/// which defines the inline functions. Threads: as for the dict or set that owns the index.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <patio/value/value.hpp>

namespace patio::detail {

/// A hash table of the keys in a growing vector. A vector of at most `max_scanned` keys needs no
/// table, because a scan of the keys is faster. A str or a small integer in it is not even hashed.
class key_index {
public:
  static constexpr std::size_t max_scanned = 8;

  /// Returns true for a str and for an integer of 64 bits. Such a key takes no longer to compare
  /// than to hash.
  [[nodiscard]] static bool is_simple(const value& key) noexcept;

  // `owner` is the heap_set or heap_dict whose keys the index is for.

  /// Returns the hash with which find() searches for `key` among `count` keys, or 0 if find() needs
  /// no hash. `key` must be hashable.
  [[nodiscard]] static std::uint64_t hash_for(const value& key, std::size_t count);
  /// Returns the position of the first key that has the hash of `key` and that `accept` accepts.
  /// `hash` is the result of hash_for().
  template <class Owner, class Accept> // Accept(const value&) -> bool
  [[nodiscard]] static std::optional<std::size_t> find(const Owner& owner, const value& key,
                                                       std::uint64_t hash, Accept accept) {
    if (owner.size() > max_scanned) return owner.index.find_hash(owner, hash, accept);
    for (std::size_t i = 0; i < owner.size(); ++i) {
      const value& other = owner.key_at(i);
      bool found = hash == 0 ? equals_simple(other, key) : patio::hash(other) == hash;
      if (found && accept(other)) return i;
    }
    return {};
  }
  /// Adds the last key of the owner. `hash` is the result of hash_for() before the key was added.
  template <class Owner>
  static void push(Owner& owner, std::uint64_t hash) {
    if (owner.size() > max_scanned) owner.index.push_hash(owner, hash);
  }
  void reserve(std::size_t count) {
    if (count > max_scanned) hashes_.reserve(count);
  }

private:
  [[nodiscard]] static bool equals_simple(const value& other, const value& key);

  template <class Owner, class Accept>
  [[nodiscard]] std::optional<std::size_t> find_hash(const Owner& owner, std::uint64_t hash,
                                                     Accept accept) const {
    for (auto at = hash & mask();; at = (at + 1) & mask()) {
      if (slots_[at] == 0) return {};
      auto i = slots_[at] - 1;
      if (hashes_[i] == hash && accept(owner.key_at(i))) return i;
    }
  }
  template <class Owner>
  void push_hash(const Owner& owner, std::uint64_t hash) {
    if (hashes_.empty())
      for (std::size_t i = 0; i < owner.size(); ++i)
        hashes_.push_back(patio::hash(owner.key_at(i)));
    else hashes_.push_back(hash);
    place_last();
  }
  [[nodiscard]] std::size_t mask() const noexcept { return slots_.size() - 1; }
  void place(std::size_t position);
  /// Places the last hash. If the table must grow, places all hashes.
  void place_last();
  std::vector<std::uint64_t> hashes_;
  /// Each element is a position + 1, or 0 if free. The size is a power of two, and at most half of
  /// the elements are in use.
  std::vector<std::uint32_t> slots_;
};

} // namespace patio::detail
