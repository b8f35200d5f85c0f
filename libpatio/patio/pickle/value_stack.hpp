/// The stack machine's stack, and the MARKs in it.
#pragma once

#include <cstddef>
#include <utility>

#include <patio/pickle/scratch_vector.hpp>
#include <patio/pickle/stack_item.hpp>

namespace patio::pickle {

/// Positions count from the bottom. The machine checks that an item exists before it accesses the
/// item.
class value_stack {
public:
  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
  [[nodiscard]] stack_item& operator[](std::size_t at) noexcept { return items_[at]; }
  [[nodiscard]] const stack_item& operator[](std::size_t at) const noexcept { return items_[at]; }
  [[nodiscard]] stack_item& top() noexcept { return items_.back(); }
  template <class... Args>
  void push(Args&&... args) {
    items_.emplace_back(std::forward<Args>(args)...);
  }
  [[nodiscard]] stack_item pop() noexcept {
    auto top = std::move(items_.back());
    items_.pop_back();
    return top;
  }
  /// Removes the items from `first` to the top.
  void drop(std::size_t first) noexcept { items_.truncate(first); }

  [[nodiscard]] std::size_t marks() const noexcept { return marks_.size(); }
  void mark() {
    fence_ = items_.size();
    marks_.push_back(fence_);
  }
  /// Removes the topmost MARK, which must exist. Returns the position of the first item above it.
  std::size_t unmark() noexcept {
    auto first = marks_.back();
    marks_.pop_back();
    fence_ = marks_.empty() ? 0 : marks_.back();
    return first;
  }
  /// Returns the position of the first item above the topmost MARK, or 0 if there is no MARK. An
  /// opcode that pops no MARK must not reach the items below this position.
  [[nodiscard]] std::size_t fence() const noexcept { return fence_; }
  [[nodiscard]] std::size_t reachable() const noexcept { return items_.size() - fence_; }
  [[nodiscard]] bool ends_with_mark() const noexcept {
    return !marks_.empty() && fence_ == items_.size();
  }

  /// Returns the items, for a caller that pushes many values.
  [[nodiscard]] auto& items() noexcept { return items_; }

private:
  scratch_vector<stack_item, 24> items_;
  scratch_vector<std::size_t, 8> marks_;
  std::size_t fence_ = 0;
};

} // namespace patio::pickle
