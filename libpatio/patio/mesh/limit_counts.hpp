/// How often each limit of a node was exceeded, and the note that says so in an error.
#pragma once

#include <array>
#include <cstdint>

#include <patio/protocol/limits.hpp>
#include <patio/value/error.hpp>

namespace patio::mesh {

class limit_counts {
public:
  /// Notes the limit's name and value in an error that a limit caused.
  void note(error& why, const limits& bounds) const;
  /// The same, counts the error, and notes how often the limit has been exceeded.
  void count(error& why, const limits& bounds);
  [[nodiscard]] std::uint64_t count_of(limit which) const noexcept {
    return counts_[static_cast<std::size_t>(which)];
  }

private:
  std::array<std::uint64_t, 64> counts_{}; ///< by limit
};

} // namespace patio::mesh
