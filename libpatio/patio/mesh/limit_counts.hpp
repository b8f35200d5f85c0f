/// Counts how often each limit of a node was exceeded, and notes this in errors.
#pragma once

#include <array>
#include <cstdint>

#include <patio/protocol/limits.hpp>
#include <patio/value/error.hpp>

namespace patio::mesh {

class limit_counts {
public:
  /// Adds the limit's name and value to an error that a limit caused.
  void note(error& why, const limits& bounds) const;
  /// Counts the error and adds the limit's name, value and count to it.
  void count(error& why, const limits& bounds);
  [[nodiscard]] std::uint64_t count_of(limit which) const noexcept {
    return counts_[static_cast<std::size_t>(which)];
  }

private:
  std::array<std::uint64_t, 64> counts_{}; ///< by limit
};

} // namespace patio::mesh
