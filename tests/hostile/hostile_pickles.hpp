/// The pickles K1 to K13: lies about lengths, bombs, cycles, classes that are none of data.
#pragma once

#include <string>
#include <vector>

namespace patio::tests {

enum class cost {
  small,                ///< plain data, for a few times the pickle's size
  refused,              ///< for a few times the pickle's size
  refused_within_budget ///< makes much of each byte until a limit stops it
};

struct hostile_pickle {
  std::string bytes;
  cost what;
};

/// Those of K`number`, 1 to 13.
[[nodiscard]] std::vector<hostile_pickle> hostile_pickles(int number);

} // namespace patio::tests
