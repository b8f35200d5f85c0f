#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <random>
#include <sstream>

#include "commands.hpp"
#include "exit_code.hpp"
#include "mesh_account.hpp"
#include "mesh_peer.hpp"
#include "mesh_processes.hpp"

namespace patio::apps {
namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

struct mesh_flags {
  std::string topology = "full-mesh";
  std::size_t nodes = 3, python = 0;
  double kill_every = 0, duration = 10, rate = 50;
  std::uint64_t seed = std::random_device{}();
};

clock::duration in_seconds(double s) {
  return std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>{s});
}

/// Whom a node dials.
std::vector<std::size_t> dials(const mesh_flags& f, std::size_t node) {
  std::vector<std::size_t> to;
  for (std::size_t other = 0; other < f.nodes; ++other) {
    if (f.topology == "server-centric" && node != 0 && other == 0) to.push_back(other);
    if (f.topology == "client-many-servers" && node == 0 && other != 0) to.push_back(other);
    if (f.topology == "full-mesh" && other < node) to.push_back(other);
  }
  return to;
}

class mesh_run {
public:
  explicit mesh_run(const mesh_flags& f)
      : flags_{f}, random_{f.seed},
        states_(f.nodes), processes_{[this](std::size_t node, const std::string& line) {
          hear(node, line);
        }} {}

  int run();

private:
  struct node_state {
    std::uint64_t incarnation = 0;
    std::string address; ///< once it listens
    clock::time_point starts_again = clock::time_point::max();
  };

  [[nodiscard]] bool is_python(std::size_t node) const {
    return node >= flags_.nodes - flags_.python;
  }
  [[nodiscard]] std::vector<std::string> command(std::size_t node) const;
  bool start(std::size_t node);
  void hear(std::size_t node, const std::string& line);
  void connect(std::size_t node);
  bool await_all_listening();
  void kill_one();
  void start_again();
  void show(clock::time_point begin);
  int conclude();

  mesh_flags flags_;
  std::mt19937_64 random_;
  std::vector<node_state> states_;
  mesh_account account_;
  mesh_processes processes_;
  std::size_t kills_ = 0, last_calls_ = 0;
};

std::vector<std::string> mesh_run::command(std::size_t node) const {
  const auto& s = states_[node];
  auto port = s.address.empty() ? "0" : s.address.substr(s.address.rfind(':') + 1);
  auto index = std::to_string(node), incarnation = std::to_string(s.incarnation),
       rate = std::to_string(flags_.rate);
  if (!is_python(node))
    return {"/proc/self/exe", "mesh-node", "--index", index,    "--incarnation",
            incarnation,      "--port",    port,      "--rate", rate};
  const char* python = std::getenv("PATIO_PYTHON");
  return {python ? python : "python3", "-c", mesh_peer_script, index, incarnation, port, rate};
}

bool mesh_run::start(std::size_t node) {
  ++states_[node].incarnation;
  states_[node].starts_again = clock::time_point::max();
  account_.started(node);
  return processes_.start(node, command(node));
}

void mesh_run::hear(std::size_t node, const std::string& line) {
  constexpr std::string_view listening = "listening on ";
  if (!line.starts_with(listening)) return account_.line(node, line);
  bool again = !states_[node].address.empty();
  states_[node].address = line.substr(listening.size());
  if (again) connect(node);
}

void mesh_run::connect(std::size_t node) {
  for (auto other : dials(flags_, node)) processes_.tell(node, "connect " + states_[other].address);
  for (std::size_t other = 0; other < flags_.nodes; ++other) {
    auto to = dials(flags_, other);
    if (std::find(to.begin(), to.end(), node) != to.end())
      return processes_.tell(node, "accepted"); // others call it: it may call back
  }
}

bool mesh_run::await_all_listening() {
  auto deadline = clock::now() + std::chrono::seconds{20};
  for (std::size_t node = 0; node < flags_.nodes; ++node)
    while (states_[node].address.empty()) {
      if (!processes_.talks(node) || clock::now() >= deadline) return false;
      processes_.poll(100);
    }
  return true;
}

void mesh_run::kill_one() {
  auto node = random_() % flags_.nodes;
  if (!processes_.runs(node)) return;
  processes_.kill(node);
  account_.killed(node);
  ++kills_;
  states_[node].starts_again = clock::now() + milliseconds{300};
}

void mesh_run::start_again() {
  for (std::size_t node = 0; node < flags_.nodes; ++node)
    if (states_[node].starts_again <= clock::now()) start(node);
}

void mesh_run::show(clock::time_point begin) {
  auto latencies = account_.take_latencies();
  std::sort(latencies.begin(), latencies.end());
  auto at = [&](double p) {
    return latencies.empty()
             ? 0
             : latencies[static_cast<std::size_t>(p * static_cast<double>(latencies.size() - 1))];
  };
  std::size_t running = 0;
  for (std::size_t node = 0; node < flags_.nodes; ++node) running += processes_.runs(node);
  std::ostringstream line;
  line << std::fixed << std::setprecision(0)
       << "t=" << std::chrono::duration<double>(clock::now() - begin).count()
       << "s nodes=" << running << "/" << flags_.nodes << " links=" << account_.links()
       << " kills=" << kills_ << " calls=" << account_.calls() << " (+"
       << account_.calls() - std::exchange(last_calls_, account_.calls())
       << ") open=" << account_.open() << " p50=" << at(0.5) << "us p99=" << at(0.99) << "us";
  for (const auto& [ending, n] : account_.endings()) line << ' ' << ending << '=' << n;
  if (::isatty(STDOUT_FILENO)) std::cout << "\r\x1b[K" << line.str() << std::flush;
  else std::cout << line.str() << std::endl;
}

int mesh_run::run() {
  for (std::size_t node = 0; node < flags_.nodes; ++node)
    if (!start(node)) return lost;
  if (!await_all_listening())
    return report(
      {errc::connect_failed,
       "not every node came up; Python nodes need patio 0.1.4 in PATIO_PYTHON or python3",
       {}});
  std::cout << flags_.topology << " of " << flags_.nodes - flags_.python << " C++ and "
            << flags_.python << " Python nodes, seed " << flags_.seed << std::endl;
  for (std::size_t node = 0; node < flags_.nodes; ++node) connect(node);
  auto begin = clock::now(), shown = begin, killed = begin;
  while (clock::now() < begin + in_seconds(flags_.duration)) {
    processes_.poll(50);
    start_again();
    if (flags_.kill_every > 0 && clock::now() - killed >= in_seconds(flags_.kill_every))
      killed = clock::now(), kill_one();
    if (clock::now() - shown >= std::chrono::seconds{1}) shown = clock::now(), show(begin);
  }
  for (std::size_t node = 0; node < flags_.nodes; ++node) processes_.tell(node, "stop");
  auto patience = clock::now() + std::chrono::seconds{15};
  while (!account_.all_idle() && clock::now() < patience) processes_.poll(100);
  show(begin);
  processes_.finish(12'000);
  return conclude();
}

int mesh_run::conclude() {
  auto s = account_.close();
  std::cout << (::isatty(STDOUT_FILENO) ? "\n" : "") << "calls begun      " << s.begun
            << "\nended            " << s.ended << "\ncaller killed    " << s.caller_killed
            << "\nhung             " << s.hung << "\nended twice      " << s.ended_twice
            << "\nexecuted         " << s.executed << "\nexecuted twice   " << s.executed_twice
            << "\nendings:\n";
  for (const auto& [ending, n] : account_.endings())
    std::cout << "  " << std::left << std::setw(15) << ending << n << '\n';
  std::cout << (s.good() ? "every call is accounted for" : "SOME CALLS ARE NOT ACCOUNTED FOR")
            << std::endl;
  return s.good() ? ok : lost;
}

} // namespace

void add_mesh(CLI::App& app, command& run) {
  auto& sub = *app.add_subcommand(
    "mesh", "run a mesh of nodes on this machine, kill some, and account for every call");
  auto f = std::make_shared<mesh_flags>();
  sub.add_option("--topology", f->topology, "server-centric, client-many-servers or full-mesh")
    ->check(CLI::IsMember({"server-centric", "client-many-servers", "full-mesh"}))
    ->capture_default_str();
  sub.add_option("--nodes", f->nodes, "nodes in all")
    ->check(CLI::Range(2, 100))
    ->capture_default_str();
  sub
    .add_option("--python", f->python,
                "how many of them are Python patio (the interpreter is PATIO_PYTHON, else python3)")
    ->capture_default_str();
  sub
    .add_option("--kill-every", f->kill_every,
                "seconds between kills of a random node, which is started again; 0 kills none")
    ->capture_default_str();
  sub.add_option("--duration", f->duration, "seconds of calls")
    ->check(CLI::Range(0.1, 1e6))
    ->capture_default_str();
  sub.add_option("--rate", f->rate, "calls a second of each node")
    ->check(CLI::Range(0.1, 1e4))
    ->capture_default_str();
  sub.add_option("--seed", f->seed, "decides who is killed");
  sub.footer("Example:\n  patio mesh --topology full-mesh --nodes 5 --kill-every 1 --duration 20");
  sub.callback([f, &run] {
    if (f->python >= f->nodes)
      throw CLI::ValidationError("--python",
                                 "must be less than --nodes, as at least one node is C++");
    run = [f] { return mesh_run{*f}.run(); };
  });
}

} // namespace patio::apps
