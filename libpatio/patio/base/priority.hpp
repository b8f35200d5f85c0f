/// Priorities, and the policy that decides whose turn is next: the highest priority goes first, but
/// every priority with waiting items gets a guaranteed share of the turns.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace patio {

enum class priority : std::uint8_t { high, normal, low };

inline constexpr std::size_t priority_count = 3;

/// Weighted turns without starvation. The class counts how often a waiting priority was passed
/// over. A priority that was passed over as often as its bound allows is overdue and goes first. If
/// both lower priorities are overdue at once, the low priority goes first, so a normal item at the
/// head of its queue waits for at most `max_passes[normal] + 1` turns of others. Each object
/// belongs to one thread.
class priority_turns {
public:
  /// The number of turns, by priority, that others may get in a row before an item that waits.
  static constexpr std::array<std::size_t, priority_count> max_passes{0, 4, 16};

  /// Chooses the priority of the next turn. `waiting[p]` says that items of priority `p` wait, and
  /// at least one element is true.
  [[nodiscard]] priority next(const std::array<bool, priority_count>& waiting) noexcept {
    auto chosen = choose(waiting);
    for (std::size_t p = 0; p < priority_count; ++p) {
      if (p == chosen || !waiting[p]) passes_[p] = 0;
      else ++passes_[p];
    }
    return static_cast<priority>(chosen);
  }

private:
  [[nodiscard]] std::size_t choose(const std::array<bool, priority_count>& waiting) const noexcept {
    for (auto p = priority_count - 1; p > 0; --p)
      if (waiting[p] && passes_[p] >= max_passes[p]) return p;
    for (std::size_t p = 0; p < priority_count; ++p)
      if (waiting[p]) return p;
    return 0;
  }

  std::array<std::size_t, priority_count> passes_{};
};

} // namespace patio
