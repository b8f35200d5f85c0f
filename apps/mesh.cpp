#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iomanip>
#include <random>
#include <sstream>

#include <patio/actors/os/log.hpp>

#include "commands.hpp"
#include "exit_code.hpp"
#include "mesh_account.hpp"
#include "mesh_peer.hpp"
#include "mesh_processes.hpp"
#include "output.hpp"
#include "standard_streams.hpp"

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

/// Returns the nodes that this node dials.
std::vector<std::size_t> dialled_by(const mesh_flags& f, std::size_t node) {
  std::vector<std::size_t> targets;
  for (std::size_t other = 0; other < f.nodes; ++other) {
    if (f.topology == "server-centric" && node != 0 && other == 0) targets.push_back(other);
    if (f.topology == "client-many-servers" && node == 0 && other != 0) targets.push_back(other);
    if (f.topology == "full-mesh" && other < node) targets.push_back(other);
  }
  return targets;
}

class mesh_run {
public:
  explicit mesh_run(const mesh_flags& f)
      : flags_{f}, random_{f.seed},
        states_(f.nodes), processes_{[this](std::size_t node, const std::string& line) {
                                       handle_line(node, line);
                                     },
                                     print_error_line} {}

  /// Runs the mesh to its end. Returns the exit code.
  int run();

private:
  struct node_state {
    std::uint64_t incarnation = 0;
    std::string address; ///< empty until the node listens for the first time
    clock::time_point restart_at = clock::time_point::max();
  };

  [[nodiscard]] bool is_python(std::size_t node) const {
    return node >= flags_.nodes - flags_.python;
  }
  [[nodiscard]] std::vector<std::string> command(std::size_t node) const;
  bool start(std::size_t node);
  void handle_line(std::size_t node, const std::string& line);
  /// Prints a line of a node's standard error as a line of its own.
  static void print_error_line(std::size_t node, const std::string& line);
  void connect(std::size_t node);
  bool await_all_listening();
  /// Lets the nodes call each other for the duration. Kills and restarts some of them meanwhile.
  /// Returns the exit code; not `ok` if the mesh cannot go on.
  int load(clock::time_point begin);
  /// Tells every node to begin no more calls, and waits until the open calls have ended.
  void stop_all();
  void kill_one();
  bool restart_due();
  int print_status(clock::time_point begin);
  int print_summary();

  mesh_flags flags_;
  std::mt19937_64 random_;
  std::vector<node_state> states_;
  mesh_account account_;
  mesh_processes processes_;
  std::size_t kills_ = 0;
  struct {
    std::size_t answered = 0;
    clock::time_point printed;
  } last_status_;
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
  states_[node].restart_at = clock::time_point::max();
  account_.started(node);
  return processes_.start(node, command(node));
}

void mesh_run::handle_line(std::size_t node, const std::string& line) {
  constexpr std::string_view listening = "listening on ";
  if (!line.starts_with(listening)) return account_.record(node, line);
  bool restarted = !states_[node].address.empty();
  states_[node].address = line.substr(listening.size());
  if (restarted) connect(node); // run() connects the nodes that start for the first time
}

// The status line of a terminal has no end: the line of a node erases it, and the next status comes
// below.
void mesh_run::print_error_line(std::size_t node, const std::string& line) {
  print_to_standard_error((::isatty(STDERR_FILENO) ? "\r\x1b[K" : "")
                          + ("node " + std::to_string(node)) + ": " + displayable(line) + "\n");
}

void mesh_run::connect(std::size_t node) {
  for (auto other : dialled_by(flags_, node))
    processes_.send_line(node, "connect " + states_[other].address);
  for (std::size_t other = 0; other < flags_.nodes; ++other) {
    auto targets = dialled_by(flags_, other);
    if (std::find(targets.begin(), targets.end(), node) != targets.end())
      return processes_.send_line(node, "accepted"); // a node that others dial may call them back
  }
}

bool mesh_run::await_all_listening() {
  auto deadline = clock::now() + std::chrono::seconds{20};
  for (std::size_t node = 0; node < flags_.nodes; ++node)
    while (states_[node].address.empty()) {
      if (!processes_.has_output(node) || clock::now() >= deadline) return false;
      processes_.poll(100);
    }
  return true;
}

void mesh_run::kill_one() {
  auto node = random_() % flags_.nodes;
  if (!processes_.is_running(node)) return;
  processes_.kill(node);
  account_.killed(node);
  ++kills_;
  states_[node].restart_at = clock::now() + milliseconds{300};
}

bool mesh_run::restart_due() {
  for (std::size_t node = 0; node < flags_.nodes; ++node)
    if (states_[node].restart_at <= clock::now() && !start(node)) return false;
  return true;
}

int mesh_run::print_status(clock::time_point begin) {
  auto latencies = account_.take_latencies();
  std::sort(latencies.begin(), latencies.end());
  auto percentile = [&](double p) {
    if (latencies.empty()) return std::string{"-"};
    auto at = static_cast<std::size_t>(p * static_cast<double>(latencies.size() - 1));
    return std::to_string(latencies[at]) + "us";
  };
  std::size_t running = 0;
  for (std::size_t node = 0; node < flags_.nodes; ++node) running += processes_.is_running(node);
  auto now = clock::now();
  auto seconds = [&](clock::time_point since) {
    return std::chrono::duration<double>{now - since}.count();
  };
  auto answers = account_.answered() - std::exchange(last_status_.answered, account_.answered());
  auto answers_per_s =
    static_cast<double>(answers) / seconds(std::exchange(last_status_.printed, now));
  std::ostringstream line;
  line << std::fixed << std::setprecision(0) << "t=" << seconds(begin) << "s nodes=" << running
       << "/" << flags_.nodes << " links=" << account_.links() << " kills=" << kills_
       << " calls=" << account_.calls() << " open=" << account_.open()
       << " answered=" << account_.answered() << " (" << answers_per_s
       << "/s) p50=" << percentile(0.5) << " p99=" << percentile(0.99)
       << " failed=" << account_.failed();
  for (const auto& [ending, n] : account_.endings())
    if (ending != "value") line << ' ' << ending << '=' << n;
  return print_text(::isatty(STDOUT_FILENO) ? "\r\x1b[K" + line.str() : line.str() + "\n");
}

int mesh_run::run() {
  for (std::size_t node = 0; node < flags_.nodes; ++node)
    if (!start(node)) return lost;
  if (!await_all_listening()) {
    print_error("not every node started; Python nodes need patio 0.1.4 in the interpreter "
                "PATIO_PYTHON, or else in python3");
    return not_connected;
  }
  std::ostringstream title;
  title << flags_.topology << " of " << flags_.nodes - flags_.python << " C++ and " << flags_.python
        << " Python nodes, seed " << flags_.seed << '\n';
  if (auto printed = print_text(title.str()); printed != ok) return printed;
  for (std::size_t node = 0; node < flags_.nodes; ++node) connect(node);
  auto begin = last_status_.printed = clock::now();
  if (auto loaded = load(begin); loaded != ok) return loaded;
  stop_all();
  if (auto printed = print_status(begin); printed != ok) return printed;
  processes_.finish(12'000);
  return print_summary();
}

int mesh_run::load(clock::time_point begin) {
  auto printed = begin, killed = begin;
  while (clock::now() < begin + in_seconds(flags_.duration)) {
    processes_.poll(50);
    if (!restart_due()) return lost;
    if (flags_.kill_every > 0 && clock::now() - killed >= in_seconds(flags_.kill_every)) {
      killed = clock::now();
      kill_one();
    }
    if (clock::now() - printed >= std::chrono::seconds{1}) {
      printed = clock::now();
      if (auto code = print_status(begin); code != ok) return code;
    }
  }
  return ok;
}

void mesh_run::stop_all() {
  for (std::size_t node = 0; node < flags_.nodes; ++node) processes_.send_line(node, "stop");
  auto deadline = clock::now() + std::chrono::seconds{15};
  while (!account_.all_idle() && clock::now() < deadline) processes_.poll(100);
}

int mesh_run::print_summary() {
  auto s = account_.summarize();
  std::ostringstream text;
  text << (::isatty(STDOUT_FILENO) ? "\n" : "") << "calls begun      " << s.begun
       << "\nended            " << s.ended << "\ncaller killed    " << s.caller_killed
       << "\nhung             " << s.hung << "\nended twice      " << s.ended_twice
       << "\nexecuted         " << s.executed << "\nexecuted twice   " << s.executed_twice
       << "\nwrong values     " << s.wrong << "\nendings:\n";
  for (const auto& [ending, n] : account_.endings())
    text << "  " << std::left << std::setw(15) << ending << n << '\n';
  text << (s.good() ? "every call is accounted for" : "SOME CALLS ARE NOT ACCOUNTED FOR") << '\n';
  auto printed = print_text(text.str());
  return s.good() ? printed : lost;
}

} // namespace

void add_mesh(CLI::App& app, command& run) {
  auto& sub = *app.add_subcommand(
    "mesh", "run a mesh of nodes on this machine, kill some of them, and account for every call");
  auto f = std::make_shared<mesh_flags>();
  sub
    .add_option("--topology", f->topology,
                "which nodes dial each other: server-centric, client-many-servers or full-mesh")
    ->check(CLI::IsMember({"server-centric", "client-many-servers", "full-mesh"}))
    ->capture_default_str();
  sub.add_option("--nodes", f->nodes, "total number of nodes")
    ->check(CLI::Range(2, 100))
    ->capture_default_str();
  sub
    .add_option(
      "--python", f->python,
      "number of nodes that run Python patio, in the interpreter PATIO_PYTHON or else python3")
    ->capture_default_str();
  sub
    .add_option(
      "--kill-every", f->kill_every,
      "interval in seconds at which a random node is killed and restarted; 0 kills no node")
    ->check(CLI::Range(0.0, 1e6))
    ->capture_default_str();
  sub.add_option("--duration", f->duration, "duration of the calls, in seconds")
    ->check(CLI::Range(0.1, 1e6))
    ->capture_default_str();
  sub.add_option("--rate", f->rate, "calls per second of each node")
    ->check(CLI::Range(0.1, 1e4))
    ->capture_default_str();
  sub.add_option("--seed", f->seed,
                 "seed of the random choice of the killed nodes (default: a random seed)");
  sub.footer("Example:\n  patio mesh --topology full-mesh --nodes 5 --kill-every 1 --duration 20");
  sub.callback([f, &run] {
    if (f->python >= f->nodes)
      throw CLI::ValidationError(
        "--python", "must be less than --nodes, because at least one node must be C++");
    run = [f] { return mesh_run{*f}.run(); };
  });
}

} // namespace patio::apps
