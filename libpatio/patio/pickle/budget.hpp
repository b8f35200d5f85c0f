/// The budget of one pickle: values, memory, memo entries and comparisons.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <patio/pickle/failure.hpp>
#include <patio/pickle/pickle.hpp>
#include <patio/value/heap_value.hpp>

namespace patio::pickle {

using detail::comparisons;

/// Estimated bytes of a dict or set, and of an object, in addition to the node_bytes of every
/// value.
inline constexpr std::size_t dict_overhead = 64;
inline constexpr std::size_t object_overhead = 192;

class budget {
public:
  /// Estimated bytes of every value, before any extra bytes.
  static constexpr std::size_t node_bytes = 64;
  /// Lowers `limits` in proportion to the size of the pickle, which has `bytes` bytes. A short
  /// pickle could otherwise refer to a large part many times. `reason` must outlive the budget.
  budget(const pickle_limits& limits, std::size_t bytes, failure& reason) noexcept
      : limits_{in_proportion(limits, bytes)}, reason_{&reason}, compared_{limits_.compared_bytes} {
  }
  budget(const budget&) = delete;
  budget& operator=(const budget&) = delete;

  [[nodiscard]] const pickle_limits& limits() const noexcept { return limits_; }
  /// Returns the estimated bytes of all values made so far.
  [[nodiscard]] std::size_t memory() const noexcept { return memory_; }
  [[nodiscard]] comparisons& compared() noexcept { return compared_; }

  // If the budget is exceeded, each of these functions refuses the pickle and returns false.
  // refuse_depth() always does so.

  /// Spends one value with `length` bytes in addition to node_bytes, and `parts` copies of values.
  bool spend(std::size_t length, std::size_t parts = 0) {
    nodes_ += 1 + parts;
    memory_ += node_bytes + length + part_bytes * parts;
    return (nodes_ <= limits_.nodes && memory_ <= limits_.memory_bytes) || refuse_cost();
  }
  /// Returns a number of values that the budget has left, if no value has a length.
  [[nodiscard]] std::size_t values_left() const noexcept {
    auto nodes = limits_.nodes - std::min(nodes_, limits_.nodes);
    auto memory = limits_.memory_bytes - std::min(memory_, limits_.memory_bytes);
    return std::min(nodes, memory / node_bytes);
  }
  bool allows_memo(std::size_t entries) { return entries <= limits_.memo_entries || refuse_memo(); }
  bool allows_comparisons() { return !compared_.exceeded() || refuse_comparisons(); }
  [[gnu::cold]] bool refuse_depth();

  /// Spends `nodes` values with `length` bytes in addition to their node_bytes. If that would
  /// exceed a limit, returns false, spends nothing and does not refuse the pickle.
  [[nodiscard]] bool try_spend(std::size_t nodes, std::size_t length) noexcept {
    auto memory = node_bytes * nodes + length;
    if (nodes_ + nodes > limits_.nodes || memory_ + memory > limits_.memory_bytes) return false;
    nodes_ += nodes;
    memory_ += memory;
    return true;
  }

private:
  static constexpr std::size_t part_bytes = 16;

  [[nodiscard]] static pickle_limits in_proportion(pickle_limits limits,
                                                   std::size_t bytes) noexcept {
    constexpr std::size_t mebibyte = std::size_t{1} << 20;
    limits.nodes = std::min(limits.nodes, 64 + 4 * bytes);
    limits.memory_bytes = std::min(limits.memory_bytes, mebibyte + 128 * bytes);
    limits.compared_bytes = std::min<std::uint64_t>(limits.compared_bytes, mebibyte + 16 * bytes);
    return limits;
  }

  [[gnu::cold]] bool refuse_cost();
  [[gnu::cold]] bool refuse_memo();
  [[gnu::cold]] bool refuse_comparisons();

  pickle_limits limits_; ///< lowered in proportion to the size of the pickle
  failure* reason_;
  std::size_t nodes_ = 0;
  std::size_t memory_ = 0;
  comparisons compared_;
};

} // namespace patio::pickle
