// Measures in virtual time what idle connected nodes cost. Prints one line of JSON.
//   simulated_scale mesh|star|redis|rabbitmq NODES [NAMES [MINUTES]]
//   simulated_scale routes PEERS
// NODES is a number of nodes. Each serves NAMES functions (10) of the same names. The figures of an
// idle minute are means over MINUTES (1). `routes` measures the choice among peers for one call.
#include <charconv>
#include <cstdio>
#include <cstring>
#include <optional>

#include <patio/mesh/router.hpp>

#include "figures.hpp"
#include "simulated.hpp"

namespace patio::scale {
namespace {

double choice_ns(mesh::router& routes, routing policy) {
  constexpr int count = 200'000;
  auto load = [](connection_id id) { return id % 7; };
  std::uint64_t sum = 0;
  auto begin = processor_seconds();
  for (int i = 0; i < count; ++i) sum += routes.pick("f", policy, load).value();
  auto spent = processor_seconds() - begin;
  return sum > 0 ? 1e9 * spent / count : 0;
}

std::optional<std::size_t> number(const char* text) {
  std::size_t n = 0;
  const auto* end = text + std::strlen(text);
  auto read = std::from_chars(text, end, n);
  return read.ec == std::errc{} && read.ptr == end && n > 0 ? std::optional{n} : std::nullopt;
}

int usage() {
  std::fputs("usage: simulated_scale mesh|star|redis|rabbitmq|routes NODES [NAMES [MINUTES]]\n"
             "NODES is at least 2, NAMES and MINUTES are whole numbers above 0\n",
             stderr);
  return 2;
}

int run(int argc, char** argv) {
  if (argc < 3 || argc > 5) return usage();
  plan p{.kind = argv[1]};
  std::size_t numbers[] = {0, p.names, static_cast<std::size_t>(p.idle.count())};
  for (int i = 2; i < argc; ++i) {
    auto n = number(argv[i]);
    if (!n) return usage();
    numbers[i - 2] = *n;
  }
  p.nodes = numbers[0];
  p.names = numbers[1];
  p.idle = std::chrono::minutes{numbers[2]};
  if (p.nodes < 2) return usage();
  if (p.kind == "mesh" || p.kind == "star") run_mesh(p);
  else if (p.kind == "redis") run_redis(p);
  else if (p.kind == "rabbitmq") run_rabbitmq(p);
  else if (p.kind == "routes") run_routes(p);
  else return usage();
  return 0;
}

} // namespace

void run_routes(const plan& p) {
  mesh::router routes{1};
  for (connection_id id = 1; id <= p.nodes; ++id) routes.serve(id, {"f"});
  figures f{p.kind};
  f.add("peers", static_cast<double>(p.nodes));
  f.add("least_loaded_ns", choice_ns(routes, routing::least_loaded));
  f.add("round_robin_ns", choice_ns(routes, routing::round_robin));
  routes.eject(1);
  f.add("one_ejected_least_loaded_ns", choice_ns(routes, routing::least_loaded));
  f.add("one_ejected_round_robin_ns", choice_ns(routes, routing::round_robin));
  f.print();
}

} // namespace patio::scale

int main(int argc, char** argv) { return patio::scale::run(argc, argv); }
