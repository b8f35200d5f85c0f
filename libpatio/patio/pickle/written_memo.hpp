/// The values that a writer has already written, and their memo indexes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include <patio/value/heap_value.hpp>

namespace patio::pickle {

using detail::value_access;

/// A hash table with the 16 bytes of a value as key. These bytes contain the address of a heap
/// value, or a short text. Equal short texts are therefore written once, as CPython does with
/// interned texts. A heap value in the table must live as long as the table.
class written_memo {
public:
  written_memo() noexcept { inline_slots_.fill(0); }
  written_memo(const written_memo&) = delete;
  written_memo& operator=(const written_memo&) = delete;

  [[nodiscard]] std::optional<std::uint32_t> find(const value& v) const noexcept {
    auto k = value_access::raw(v);
    for (auto at = hash(k) & mask_;; at = (at + 1) & mask_) {
      if (slots_[at] == 0) return {};
      if (is_same(keys_[at], k)) return slots_[at] - 1;
    }
  }
  void insert(const value& v, std::uint32_t index) {
    if (++count_ * 2 > mask_) grow();
    place(value_access::raw(v), index + 1);
  }

private:
  using key = value_access::raw_words;
  /// Like ==, which would call memcmp.
  [[nodiscard]] static bool is_same(const key& a, const key& b) noexcept {
    return ((a[0] ^ b[0]) | (a[1] ^ b[1])) == 0;
  }
  [[nodiscard]] static std::size_t hash(const key& k) noexcept;
  void place(const key& k, std::uint32_t slot) noexcept;
  void grow();

  static constexpr std::size_t inline_size = 64;
  /// Not cleared: a key is read only if its slot is taken.
  std::array<key, inline_size> inline_keys_;
  std::array<std::uint32_t, inline_size> inline_slots_;
  std::vector<key> heap_keys_;
  std::vector<std::uint32_t> heap_slots_;
  key* keys_ = inline_keys_.data();
  std::uint32_t* slots_ = inline_slots_.data(); ///< memo index + 1, or 0 if free
  std::size_t mask_ = inline_size - 1;
  std::size_t count_ = 0;
};

} // namespace patio::pickle
