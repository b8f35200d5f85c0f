/// The seed of a randomized test: PATIO_TEST_SEED if it is set, else a new seed. A test shows the
/// seed with INFO, so that a failure can be replayed.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

inline std::uint64_t test_seed() {
  const char* given = std::getenv("PATIO_TEST_SEED");
  return given ? std::stoull(given) : std::random_device{}();
}
