/// The pickles K1 to K13: false lengths, bombs, cycles, and classes other than those of data.
#pragma once

#include <string>
#include <vector>

namespace patio::tests {

/// The verdict of the decoder, and how much memory it takes.
enum class outcome {
  accepted,             ///< plain data, which takes a few times the pickle's size
  refused,              ///< after at most a few times the pickle's size
  refused_within_budget ///< each byte takes much memory until a limit stops the decoder
};

struct hostile_pickle {
  std::string bytes;
  outcome expected;
};

/// The pickles of case K`number`, 1 to 13.
[[nodiscard]] std::vector<hostile_pickle> hostile_pickles(int number);

} // namespace patio::tests
