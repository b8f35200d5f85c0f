#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>

#include "mesh.hpp"
#include "seed_number.hpp"

// usage: simulation [restarts] [FIRST_SEED [COUNT]]
//        simulation sabotage
// Runs COUNT seeds. With "restarts" the only faults are nodes that shut down properly and come
// back. With "sabotage" the program shows that the oracle detects a forgotten call.
namespace {

using patio::simulation::mesh;

int run_seeds(std::uint64_t first, std::uint64_t count, bool only_restarts) {
  std::map<std::string, std::size_t> sums;
  std::size_t calls = 0;
  for (auto seed = first; seed < first + count; ++seed) {
    mesh m{{.seed = seed, .only_restarts = only_restarts}};
    auto wrong = m.run();
    calls += m.oracle().calls();
    for (const auto& [ending, n] : m.oracle().account()) sums[ending] += n;
    if (wrong.empty()) continue;
    std::cout << "seed " << seed << " failed; `simulation " << (only_restarts ? "restarts " : "")
              << seed << " 1` replays it\n";
    for (const auto& line : wrong) std::cout << "  " << line << '\n';
    return 1;
  }
  std::cout << count << " seeds from " << first << ", " << calls << " calls, each ended once:";
  for (const auto& [ending, n] : sums) std::cout << ' ' << ending << ' ' << n;
  std::cout << '\n';
  return 0;
}

// Takes the first seed whose run loses a call to a disconnect. If the node forgets this call, the
// oracle must complain. Each seed must also replay exactly.
int sabotage() {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    mesh honest{{.seed = seed}}, again{{.seed = seed}},
      forgetful{{.seed = seed, .forget_a_lost_call = true}};
    if (!honest.run().empty() || !again.run().empty()) return std::puts("an honest run failed"), 1;
    if (honest.fingerprint() != again.fingerprint())
      return std::printf("seed %llu did not replay\n", static_cast<unsigned long long>(seed)), 1;
    bool lost_one = honest.oracle().account().contains("maybe_executed");
    bool seen = !forgetful.run().empty();
    if (lost_one && seen)
      return std::printf("seed %llu: the forgotten call was seen\n",
                         static_cast<unsigned long long>(seed)),
             0;
    if (lost_one)
      return std::printf("seed %llu: the forgotten call was not seen\n",
                         static_cast<unsigned long long>(seed)),
             1;
  }
  return std::puts("no seed lost a call"), 1;
}

int usage() {
  std::fputs("usage: simulation [restarts] [FIRST_SEED [COUNT]], both whole numbers, or simulation "
             "sabotage\n",
             stderr);
  return 2;
}

} // namespace

int main(int argc, char** argv) {
  std::vector<std::string> words{argv + 1, argv + argc};
  if (!words.empty() && words[0] == "sabotage") return sabotage();
  bool only_restarts = !words.empty() && words[0] == "restarts";
  if (only_restarts) words.erase(words.begin());
  auto number = [&](std::size_t at, std::uint64_t otherwise) {
    return words.size() > at ? patio::simulation::read_number(words[at]) : otherwise;
  };
  auto first = number(0, 1), count = number(1, 1000);
  return first && count && words.size() <= 2 ? run_seeds(*first, *count, only_restarts) : usage();
}
