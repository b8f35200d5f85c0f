/// Peers of all bad kinds, drawn by a seed, on one thread that never blocks. Each attacks, pauses
/// for about a second, and attacks again in another way: so that the node is measured, and not what
/// it costs to make attacks.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>

#include <patio/protocol/endpoint.hpp>

namespace patio::tests {

class attackers {
public:
  attackers(endpoint node, std::string key, std::size_t count, std::uint64_t seed);
  ~attackers();

  /// Attacks until then, and hangs up.
  void run_until(std::chrono::steady_clock::time_point end);
  /// How often each kind was tried.
  [[nodiscard]] const std::map<std::string, std::size_t>& tally() const noexcept { return tally_; }

private:
  class attacker;

  endpoint node_;
  std::string key_;
  std::mt19937_64 random_;
  std::map<std::string, std::size_t> tally_;
  std::vector<std::unique_ptr<attacker>> all_;
};

} // namespace patio::tests
