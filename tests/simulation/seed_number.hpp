/// Numbers of seeds on the command line of a simulation.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace patio::simulation {

/// Refuses "-1" and "5x", which std::stoull accepts.
inline std::optional<std::uint64_t> read_number(std::string_view word) {
  std::uint64_t n = 0;
  auto [end, wrong] = std::from_chars(word.data(), word.data() + word.size(), n);
  return wrong == std::errc{} && end == word.data() + word.size() ? std::optional{n} : std::nullopt;
}

} // namespace patio::simulation
