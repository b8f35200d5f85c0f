/// The pickles K1 to K13: false lengths, expansion bombs, cycles, and classes outside the list.
#pragma once

#include <string>
#include <vector>

namespace patio::tests {

/// The verdict of the decoder, and the memory that the decoder takes.
enum class outcome {
  accepted,             ///< plain data, which takes a few times the pickle's size
  refused,              ///< after at most a few times the pickle's size
  refused_within_budget ///< each byte takes much memory, until a limit stops the decoder
};

struct hostile_pickle {
  std::string bytes;
  outcome expected;
};

/// The pickles of case K`number`, 1 to 13.
[[nodiscard]] std::vector<hostile_pickle> hostile_pickles(int number);

} // namespace patio::tests
