/// The stack machine's memo: items to which a pickle can refer again by index.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

#include <patio/pickle/scratch_vector.hpp>
#include <patio/pickle/stack_item.hpp>
#include <patio/value/heap_value.hpp>

namespace patio::pickle {

using detail::value_access;

/// CPython counts the indexes up from 0, so a vector holds the entries. An entry that skips an
/// index goes to a tree, so that an index in a pickle never determines the size of an allocation.
class memo {
public:
  memo() = default;
  memo(const memo&) = delete;
  memo& operator=(const memo&) = delete;
  ~memo() { clear(); }
  /// Returns the number of entries, which is also the index that MEMOIZE uses next.
  [[nodiscard]] std::size_t size() const noexcept { return dense_.size() + sparse_.size(); }
  /// Returns null if there is no such entry.
  [[nodiscard]] stack_item* find(std::uint64_t index) {
    if (index < dense_.size()) return &dense_[index];
    auto at = sparse_.find(index);
    return at == sparse_.end() ? nullptr : &at->second;
  }
  /// Returns false if the tree grew. A tree node takes more memory than an element of the vector.
  bool put(std::uint64_t index, const stack_item& item) {
    if (index != dense_.size() || !sparse_.empty()) return put_out_of_order(index, item);
    put_next(item.v, item.tag);
    return true;
  }
  /// Returns true if no entry has skipped an index.
  [[nodiscard]] bool is_dense() const noexcept { return sparse_.empty(); }
  /// Adds the entry with the index size(). The memo must be dense.
  void put_next(const value& v, item_tag tag = {}) {
    if (dense_.size() == dense_.capacity()) grow();
    dense_.emplace_back(value_access::copy_private(v), tag);
  }
  void clear() noexcept {
    for (auto& item : dense_) value_access::drop_private(item.v);
    dense_.clear();
    sparse_.clear();
  }

private:
  /// Quadruples the room while that takes little memory. Later doubles it.
  void grow() {
    constexpr std::size_t few = 4096;
    dense_.reserve((dense_.size() < few ? 4 : 2) * dense_.size());
  }
  bool put_out_of_order(std::uint64_t index, const stack_item& item);

  scratch_vector<stack_item, 32> dense_;
  /// A tree, because a peer could choose indexes that collide in a hash table.
  std::map<std::uint64_t, stack_item> sparse_;
};

} // namespace patio::pickle
