// usage: neighbours SECONDS ATTACKERS CLIENTS SEED [correct]
//
// `patio serve --demo` in a process of its own, good clients that make small calls, and attackers of all kinds. First the clients are alone,
// to see how long their calls take; then the attackers come. Fails if a good call or connection fails, if the node has held
// more memory than it may, or if the calls' 99th percentile was over twice that of the quiet time; with "correct" that is only shown.
//
// The attackers pause for about a second each between two attacks, and their thread gives way to that of the good clients: both are here in
// one process and share the processors with the node, which real attackers do not.
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

#include <patio/actors/system.hpp>
#include <patio/limits.hpp>

#include "attackers.hpp"
#include "good_clients.hpp"
#include "process.hpp"

using namespace patio;
using namespace patio::tests;
using namespace std::chrono_literals;

namespace {

using clock = std::chrono::steady_clock;

struct settings {
  std::chrono::seconds attack;
  std::size_t attackers, clients;
  std::uint64_t seed;
  bool only_correct;
};

/// MiB, from the kernel's account of the process.
double memory(pid_t id, const std::string& what) {
  std::ifstream status{"/proc/" + std::to_string(id) + "/status"};
  for (std::string word; status >> word;)
    if (double kibibytes = 0; word == what + ":" && status >> kibibytes) return kibibytes / 1024;
  return 0;
}

/// MiB, for a node that had `quiet` with its good clients:
/// - one pickle being decoded, which may take twice `pickle.memory` (an estimate; pickle_test.cpp), the frame that it came in, and another
///   frame that is arriving: of the hostile pickles one in eight has a megabyte or more, so that more of them seldom meet;
/// - half a MiB for each attacker. On average one in thirteen is leaving 4 MiB of results unread, as the other kinds are over sooner, and
///   the kernel takes half of them; one in four hundred has just named 5 MiB of names. That is a sixth of a MiB; the rest is for chance.
/// Measured for 100, 200 and 500 attackers: at most 119, 152 and 199, of which 15 when quiet; allowed are 225, 275 and 425.
double allowed_memory(const settings& s, double quiet) {
  constexpr double mebibyte = 1 << 20;
  limits l;
  return quiet + static_cast<double>(2 * l.pickle.memory + 2 * l.frame) / mebibyte + static_cast<double>(s.attackers) / 2;
}

/// Counts the log's lines, and keeps the last ones that tell of more than a bad peer.
class log_reader {
public:
  explicit log_reader(process& node)
      : thread_{[this, &node] {
          try {
            while (auto line = node.error_lines().line(1h)) {
              ++lines_;
              if (line->find("event=closed") == std::string::npos && line->find("event=refused") == std::string::npos)
                std::fprintf(stderr, "%s\n", line->c_str());
            }
          } catch (const std::exception&) { // no more of it
          }
        }} {}
  ~log_reader() { thread_.join(); }
  [[nodiscard]] std::size_t lines() const { return lines_; }

private:
  std::atomic<std::size_t> lines_ = 0;
  std::thread thread_;
};

void show(const char* when, const good_outcome& o) {
  auto slowest = o.connect_ms.empty() ? 0 : *std::max_element(o.connect_ms.begin(), o.connect_ms.end());
  std::printf("%-8s %zu calls, p50 %.3f ms, p99 %.3f ms, p99.9 %.3f ms; %zu connections, the slowest %.1f ms; %zu failures\n", when,
              o.call_ms.size(), o.percentile(0.5), o.percentile(0.99), o.percentile(0.999), o.connect_ms.size(), slowest,
              o.failures.size());
  for (std::size_t i = 0; i < std::min<std::size_t>(o.failures.size(), 10); ++i) std::printf("  failed: %s\n", o.failures[i].c_str());
}

bool run(const settings& s) {
  const std::string key = "neighbours";
  process node{{PATIO_COMMAND, "serve", "--demo", "--listen", "127.0.0.1:0"}, {{"PATIO_KEY", key}}, process::errors::captured};
  auto where = parse_endpoint(node.await("listening on ")).value();
  log_reader log{node};
  good_clients good{where, key, s.clients};
  auto quiet_time = std::max<std::chrono::seconds>(s.attack / 4, 1s);
  (void)good.run_until(clock::now() + 500ms); // the connections are there
  auto quiet = good.run_until(clock::now() + quiet_time);
  show("quiet", quiet);
  auto before = memory(node.id(), "VmHWM");

  attackers bad{where, key, s.attackers, s.seed};
  auto end = clock::now() + s.attack;
  std::thread attacking{[&] {
    (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), 10);
    bad.run_until(end);
  }};
  auto attacked = good.run_until(end);
  attacking.join();
  show("attacked", attacked);
  auto after = good.run_until(clock::now() + 500ms); // the attackers have gone
  show("after", after);
  std::size_t attacks = 0;
  for (const auto& [kind, count] : bad.tally()) {
    attacks += count;
    std::printf("  %5zu %s\n", count, kind.c_str());
  }
  auto peak = memory(node.id(), "VmHWM"), bound = allowed_memory(s, before), ratio = attacked.percentile(0.99) / quiet.percentile(0.99);
  std::printf(
    "%zu attacks, seed %llu; p99 %.2f times the quiet one; memory at most %.0f MiB (quiet %.0f, allowed %.0f), now %.0f; %zu log lines\n",
    attacks, static_cast<unsigned long long>(s.seed), ratio, peak, before, bound, memory(node.id(), "VmRSS"), log.lines());
  node.signal(SIGTERM);
  bool ended = node.wait() == 0;
  if (!ended) std::puts("the node did not end well");
  bool failed =
    !quiet.failures.empty() || !attacked.failures.empty() || !after.failures.empty() || attacked.call_ms.empty() || after.call_ms.empty();
  return ended && !failed && peak <= bound && (s.only_correct || ratio <= 2);
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 5) return std::fputs("usage: neighbours SECONDS ATTACKERS CLIENTS SEED [correct]\n", stderr), 2;
  block_signals();
  rlimit descriptors{};
  (void)::getrlimit(RLIMIT_NOFILE, &descriptors);
  descriptors.rlim_cur = descriptors.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &descriptors);
  settings s{std::chrono::seconds{std::atoi(argv[1])}, std::strtoull(argv[2], nullptr, 10), std::strtoull(argv[3], nullptr, 10),
             std::strtoull(argv[4], nullptr, 10), argc > 5};
  bool good = run(s);
  std::puts(good ? "good" : "FAILED");
  return good ? 0 : 1;
}
