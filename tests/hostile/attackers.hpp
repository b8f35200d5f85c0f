/// Hostile peers on one thread. A seed decides their attacks. Each peer attacks, pauses for about a
/// second, and then draws another attack. The pauses keep the cost of the attackers low in
/// comparison with the cost of the node, which the program measures.
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

  /// Attacks until `end`, then closes all connections.
  void run_until(std::chrono::steady_clock::time_point end);
  /// Counts the attacks by name.
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
