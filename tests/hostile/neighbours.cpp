// usage: neighbours SECONDS ATTACKERS CLIENTS SEED [correct]
//
// Measures how well a node serves good clients during an attack. The node is `patio serve --demo`
// in its own process. The good clients make small calls and some large ones. The run has three
// parts:
// - quiet: the good clients are alone;
// - busy: the attackers attack another node, which shows the times on an equally busy machine;
// - attacked: the attackers attack the clients' node.
// Fails if a good call or connection fails, if the node has held more memory than allowed, or if
// the small calls' 99th percentile in the last part is more than twice that of the busy part. With
// "correct" the times are only printed.
//
// The attackers are in a process of their own ("neighbours attack", with the node's key in
// PATIO_KEY). Each pauses for about a second between two attacks. The attackers and the other node
// run at idle priority, as real attackers have their own processors. Calls still take longer while
// they run.
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <patio/actors/caf/system.hpp>
#include <patio/actors/os/signals.hpp>
#include <patio/protocol/limits.hpp>

#include "attackers.hpp"
#include "good_clients.hpp"
#include "process.hpp"

using namespace patio;
using namespace patio::tests;
using namespace std::chrono_literals;

namespace {

using clock = std::chrono::steady_clock;

using command_line = std::vector<std::string>;

const std::string key = "neighbours";

struct settings {
  std::chrono::seconds attack;
  std::size_t attackers, clients;
  std::uint64_t seed;
  bool only_correct;
};

/// Reads a field of /proc/PID/status, in MiB.
double memory(pid_t id, const std::string& field) {
  std::ifstream status{"/proc/" + std::to_string(id) + "/status"};
  for (std::string word; status >> word;)
    if (double kibibytes = 0; word == field + ":" && status >> kibibytes) return kibibytes / 1024;
  return 0;
}

/// The allowed peak in MiB of a node that had `quiet` MiB with its good clients. It may take in
/// addition:
/// - One pickle that is being decoded, with twice `pickle.memory_bytes`, which is an estimate (see
///   pickle_test.cpp); the frame of that pickle; and another frame that is arriving or waits to be
///   processed. Only one in eight hostile pickles has a megabyte or more, so more of them seldom
///   coincide.
/// - Half a MiB for each attacker. One attacker in thirteen leaves 4 MiB of results unread on
///   average, as the other kinds of attacks end sooner, and the kernel's buffers take half of that.
///   One in four hundred has just sent 5 MiB of names. This is a sixth of a MiB for each attacker;
///   the rest is a margin.
/// Measured: 75 MiB for 100 attackers, where 225 are allowed; 127 to 272 MiB for 500 attackers in
/// about twenty runs, where 425 are allowed. The quiet node takes 15 MiB of this.
double allowed_memory(const settings& s, double quiet) {
  constexpr double mebibyte = 1 << 20;
  limits l;
  return quiet + static_cast<double>(2 * l.pickle.memory_bytes + 2 * l.frame_bytes) / mebibyte
         + static_cast<double>(s.attackers) / 2;
}

/// Counts the lines of a node's log, and prints the lines that are not about a hostile peer.
class log_reader {
public:
  explicit log_reader(process& node)
      : thread_{[this, &node] {
          try {
            while (auto line = node.error_lines().line(1h)) {
              ++lines_;
              if (line->find("event=closed") == std::string::npos
                  && line->find("event=refused") == std::string::npos)
                std::fprintf(stderr, "%s\n", line->c_str());
            }
          } catch (const std::exception&) { // the node has logged nothing for an hour
          }
        }} {}
  ~log_reader() { thread_.join(); }
  [[nodiscard]] std::size_t lines() const { return lines_; }

private:
  std::atomic<std::size_t> lines_ = 0;
  std::thread thread_;
};

void show(const char* when, const good_outcome& o) {
  auto slowest =
    o.connect_ms.empty() ? 0 : *std::max_element(o.connect_ms.begin(), o.connect_ms.end());
  std::printf("%-8s %zu calls, p50 %.3f ms, p99 %.3f ms, p99.9 %.3f ms; %zu large ones, p50 %.3f "
              "ms, p99 %.3f ms; "
              "%zu connections, the slowest %.1f ms; %zu failures\n",
              when, o.call_ms.size(), percentile(o.call_ms, 0.5), percentile(o.call_ms, 0.99),
              percentile(o.call_ms, 0.999), o.large_call_ms.size(),
              percentile(o.large_call_ms, 0.5), percentile(o.large_call_ms, 0.99),
              o.connect_ms.size(), slowest, o.failures.size());
  for (std::size_t i = 0; i < std::min<std::size_t>(o.failures.size(), 10); ++i)
    std::printf("  failed: %s\n", o.failures[i].c_str());
}

/// A node in its own process, and a reader of its log. The process ends with this object.
struct served_node {
  process command;
  endpoint where = parse_endpoint(command.await("listening on ")).value();
  log_reader log{command};

  explicit served_node(command_line prefix = {})
      : command{serve_command(std::move(prefix)), {{"PATIO_KEY", key}}, process::errors::captured} {
  }
  /// Ends the process. Returns false if its exit code is wrong.
  bool end() {
    command.signal(SIGTERM);
    return command.wait() == 0;
  }

private:
  static command_line serve_command(command_line prefix) {
    for (auto* word : {PATIO_COMMAND, "serve", "--demo", "--listen", "127.0.0.1:0"})
      prefix.emplace_back(word);
    return prefix;
  }
};

/// A prefix that runs a command at idle priority. The prefix is empty if times are not judged,
/// because a command at idle priority would hardly run on a busy machine.
command_line idle_priority(const settings& s) {
  return s.only_correct ? command_line{} : command_line{"chrt", "-i", "0"};
}

process start_attackers(const endpoint& node, std::chrono::seconds time, const settings& s) {
  auto command = idle_priority(s);
  for (const auto& word : {std::filesystem::read_symlink("/proc/self/exe").string(),
                           std::string{"attack"}, to_string(node), std::to_string(time.count()),
                           std::to_string(s.attackers), std::to_string(s.seed)})
    command.push_back(word);
  return process{std::move(command), {{"PATIO_KEY", key}}};
}

double p99(const good_outcome& o) { return percentile(o.call_ms, 0.99); }

class experiment {
public:
  explicit experiment(const settings& s) : settings_{s} {}

  bool run() {
    (void)good_.run_until(clock::now() + 500ms); // opens the connections
    quiet_ = good_.run_until(clock::now() + short_time());
    show("quiet", quiet_);
    attack_another_node();
    attack_node();
    after_ = good_.run_until(clock::now() + 500ms);
    show("after", after_);
    for (const auto& line : tally_) std::printf("  %s\n", line.c_str());
    return passed();
  }

private:
  [[nodiscard]] std::chrono::seconds short_time() const {
    return std::max<std::chrono::seconds>(settings_.attack / 4, 1s);
  }
  [[nodiscard]] double memory_of_node(const std::string& field) const {
    return memory(node_.command.id(), field);
  }
  void attack_another_node() {
    served_node other{idle_priority(settings_)};
    auto attack_process = start_attackers(other.where, short_time(), settings_);
    (void)attack_process.await("attacking");
    busy_ = good_.run_until(clock::now() + short_time());
    show("busy", busy_);
    (void)attack_process.read_all();
    others_ended_well_ = attack_process.wait() == 0 && other.end();
    quiet_memory_ = memory_of_node("VmHWM");
  }
  void attack_node() {
    auto attack_process = start_attackers(node_.where, settings_.attack, settings_);
    (void)attack_process.await("attacking");
    attacked_ = good_.run_until(clock::now() + settings_.attack);
    show("attacked", attacked_);
    while (auto line = attack_process.read_line()) {
      attacks_ += std::strtoull(line->c_str(), nullptr, 10);
      tally_.push_back(*line);
    }
    others_ended_well_ = attack_process.wait() == 0 && others_ended_well_;
  }
  [[nodiscard]] bool calls_succeeded() const {
    for (const auto* all : {&quiet_, &busy_, &attacked_, &after_})
      if (!all->failures.empty()) return false;
    return !attacked_.call_ms.empty() && !after_.call_ms.empty();
  }
  /// Prints the measurements, ends the node, and returns whether the run has passed.
  bool passed() {
    auto peak = memory_of_node("VmHWM"), allowed = allowed_memory(settings_, quiet_memory_);
    auto ratio = p99(attacked_) / p99(busy_);
    std::printf(
      "%zu attacks, seed %llu; p99 %.2f times the quiet one, %.2f times that on a busy machine\n",
      attacks_, static_cast<unsigned long long>(settings_.seed), p99(attacked_) / p99(quiet_),
      ratio);
    std::printf("memory at most %.0f MiB (quiet %.0f, allowed %.0f), now %.0f; %zu log lines\n",
                peak, quiet_memory_, allowed, memory_of_node("VmRSS"), node_.log.lines());
    bool ended_well = node_.end() && others_ended_well_;
    if (!ended_well) std::puts("a node or the attackers did not end well");
    return ended_well && calls_succeeded() && peak <= allowed
           && (settings_.only_correct || ratio <= 2);
  }

  settings settings_;
  served_node node_;
  good_clients good_{node_.where, key, settings_.clients};
  good_outcome quiet_, busy_, attacked_, after_;
  double quiet_memory_ = 0; ///< memory of the node before the attack, in MiB
  std::size_t attacks_ = 0;
  std::vector<std::string> tally_; ///< "COUNT NAME" for each kind of attack
  bool others_ended_well_ = false;
};

/// The main function of the attackers' process. Prints at the end how often each kind of attack was
/// tried.
int attack(const char* where, std::chrono::seconds time, std::size_t count, std::uint64_t seed) {
  attackers bad{parse_endpoint(where).value(), std::getenv("PATIO_KEY"), count, seed};
  std::puts("attacking");
  std::fflush(stdout);
  bad.run_until(clock::now() + time);
  for (const auto& [kind, times] : bad.tally()) std::printf("%5zu %s\n", times, kind.c_str());
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fputs("usage: neighbours SECONDS ATTACKERS CLIENTS SEED [correct]\n", stderr);
    return 2;
  }
  block_signals();
  rlimit descriptors{};
  (void)::getrlimit(RLIMIT_NOFILE, &descriptors);
  descriptors.rlim_cur = descriptors.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &descriptors);
  if (argc == 6 && argv[1] == std::string_view{"attack"})
    return attack(argv[2], std::chrono::seconds{std::atoi(argv[3])},
                  std::strtoull(argv[4], nullptr, 10), std::strtoull(argv[5], nullptr, 10));
  settings s{std::chrono::seconds{std::atoi(argv[1])}, std::strtoull(argv[2], nullptr, 10),
             std::strtoull(argv[3], nullptr, 10), std::strtoull(argv[4], nullptr, 10), argc > 5};
  bool good = experiment{s}.run();
  std::puts(good ? "good" : "FAILED");
  return good ? 0 : 1;
}
