// Real nodes in one process that do nothing but stay connected: what do they cost?
//   real_nodes mesh|star NODES [NAMES [SECONDS]]
//   real_nodes redis|rabbitmq NODES [NAMES [SECONDS]]     with the URL in PATIO_BROKER_URL
// Prints `ready` once all nodes are connected, and waits for a line. Then it measures an idle time
// of SECONDS (20), prints one line of JSON, and ends with standard input.
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include <poll.h>
#include <sys/resource.h>

#include <patio/patio.hpp>

#include "figures.hpp"
#include "simulated.hpp"

namespace patio::scale {
namespace {

using clock = std::chrono::steady_clock;

double seconds_since(clock::time_point begin) {
  return std::chrono::duration<double>(clock::now() - begin).count();
}

double entries_of(const char* folder) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator{folder})
    count += !entry.path().empty();
  return static_cast<double>(count);
}

struct sample {
  double resident = resident_bytes(), allocated = allocated_bytes(),
         descriptors = entries_of("/proc/self/fd"), threads = entries_of("/proc/self/task"),
         processor = processor_seconds();
};

/// The nodes, their connections, and how long the connections took.
class real_nodes {
public:
  real_nodes(const plan& p, std::string url) : plan_{p}, url_{std::move(url)} {}
  ~real_nodes() {
    for (auto& b : brokers_) shut_down(b);
  }
  real_nodes(const real_nodes&) = delete;
  real_nodes& operator=(const real_nodes&) = delete;

  void connect_all() {
    auto functions = idle_functions(plan_.names, "scale");
    auto pool = spawn_thread_pool(system_, functions, {.workers = 4});
    before = {};
    if (plan_.kind == "redis") {
      connect_engine<engine_broker_actor>(
        [&] { return spawn_redis_broker(system_, pool, {.url = url_}); },
        [](const engine_broker_actor& b) { return connected(b); });
    } else if (plan_.kind == "rabbitmq") {
      connect_engine<rabbitmq_broker_actor>(
        [&] { return spawn_rabbitmq_broker(system_, pool, {.url = url_}); },
        [](const rabbitmq_broker_actor& b) { return ready(b); });
    } else {
      connect_mesh(pool);
    }
    after = {};
  }

  sample before, alone, after;
  double seconds_to_connect = 0;
  std::size_t connections = 0;

private:
  void connect_mesh(const executors& pool) {
    std::vector<tcp_broker_actor> nodes;
    std::vector<endpoint> addresses;
    for (std::size_t i = 0; i < plan_.nodes; ++i) {
      nodes.push_back(spawn_tcp_broker(system_, pool, {.key = "k"}));
      brokers_.emplace_back(nodes.back());
      addresses.push_back(listen(nodes.back(), "127.0.0.1:0").value());
    }
    alone = {};
    auto begin = clock::now();
    std::vector<std::future<result<peer_info>>> peers;
    for (std::size_t from = 1; from < nodes.size(); ++from)
      for (std::size_t to = 0; to < (plan_.kind == "star" ? 1 : from); ++to)
        peers.push_back(connect(nodes[from], addresses[to]));
    for (auto& p : peers) (void)p.get().value();
    seconds_to_connect = seconds_since(begin);
    connections = peers.size();
  }

  template <class Broker, class Spawn, class Ready>
  void connect_engine(Spawn spawn, Ready is_ready) {
    auto begin = clock::now();
    std::vector<Broker> nodes;
    for (std::size_t i = 0; i < plan_.nodes; ++i) {
      nodes.push_back(spawn());
      brokers_.emplace_back(nodes.back());
    }
    alone = before;
    for (auto& n : nodes)
      while (!is_ready(n).get()) {}
    seconds_to_connect = seconds_since(begin);
    connections = nodes.size();
  }

  plan plan_;
  std::string url_;
  system_config config_;
  caf::actor_system system_{config_};
  std::vector<broker_actor> brokers_;
};

void measure(const plan& p, real_nodes& all, std::chrono::seconds idle) {
  std::string line;
  std::cout << "ready" << std::endl;
  std::getline(std::cin, line);
  auto begin = clock::now();
  auto processor = processor_seconds();
  (void)::poll(nullptr, 0, static_cast<int>(idle / std::chrono::milliseconds{1}));
  auto wall = seconds_since(begin);
  auto spent = processor_seconds() - processor;
  sample settled;
  auto nodes = static_cast<double>(p.nodes);
  bool is_mesh = p.kind == "mesh" || p.kind == "star";
  auto ends = static_cast<double>(all.connections) * (is_mesh ? 2 : 1);
  figures f{"real_" + p.kind};
  f.add("nodes", nodes);
  f.add("names", static_cast<double>(p.names));
  f.add("connections", static_cast<double>(all.connections));
  f.add("seconds_to_connect", all.seconds_to_connect);
  f.add("cpu_s_to_connect", all.after.processor - all.alone.processor);
  f.add("resident_per_node_alone", (all.alone.resident - all.before.resident) / nodes);
  f.add("resident_per_peer", (settled.resident - all.alone.resident) / ends);
  f.add("allocated_per_peer", (settled.allocated - all.alone.allocated) / ends);
  f.add("threads_per_node", (settled.threads - all.before.threads) / nodes);
  f.add("descriptors_per_node", (settled.descriptors - all.before.descriptors) / nodes);
  f.add("resident_mib", settled.resident / 1048576);
  f.add("cpu_us_per_peer_minute", 1e6 * spent / wall * 60 / ends);
  f.add("cpu_percent", 100 * spent / wall);
  f.print();
  std::getline(std::cin, line);
}

std::optional<std::size_t> number(const char* text) {
  std::size_t n = 0;
  const auto* end = text + std::strlen(text);
  auto read = std::from_chars(text, end, n);
  return read.ec == std::errc{} && read.ptr == end && n > 0 ? std::optional{n} : std::nullopt;
}

int usage() {
  std::cerr << "usage: real_nodes mesh|star|redis|rabbitmq NODES [NAMES [SECONDS]]\n"
               "NODES is at least 2, NAMES and SECONDS are whole numbers above 0; redis and "
               "rabbitmq need the URL in PATIO_BROKER_URL\n";
  return 2;
}

void allow_all_descriptors() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

int run(int argc, char** argv) {
  if (argc < 3 || argc > 5) return usage();
  plan p{.kind = argv[1]};
  std::size_t numbers[] = {0, p.names, 20};
  for (int i = 2; i < argc; ++i) {
    auto n = number(argv[i]);
    if (!n) return usage();
    numbers[i - 2] = *n;
  }
  p.nodes = numbers[0];
  p.names = numbers[1];
  bool is_mesh = p.kind == "mesh" || p.kind == "star";
  const auto* url = std::getenv("PATIO_BROKER_URL");
  bool is_engine = (p.kind == "redis" || p.kind == "rabbitmq") && url;
  if (p.nodes < 2 || !(is_mesh || is_engine)) return usage();
  allow_all_descriptors();
  set_log_sink([](log_level, std::string_view) {}); // the end of each connection has a line
  real_nodes all{p, url ? url : ""};
  all.connect_all();
  measure(p, all, std::chrono::seconds{static_cast<long>(numbers[2])});
  return 0;
}

} // namespace
} // namespace patio::scale

int main(int argc, char** argv) { return patio::scale::run(argc, argv); }
