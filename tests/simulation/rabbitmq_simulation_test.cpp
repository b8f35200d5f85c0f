// Nodes at a RabbitMQ server with faults in virtual time, checked by the oracle. A seed decides
// everything.
//   rabbitmq_simulation FIRST COUNT     runs COUNT seeds, from FIRST
//   rabbitmq_simulation sabotage        shows that the oracle notices functions that run twice
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include <patio/amqp/node.hpp>

#include "amqp/fake_rabbitmq.hpp"
#include "oracle.hpp"
#include "seed_number.hpp"

namespace patio::simulation {
namespace {

using namespace std::chrono_literals;
using rng = std::mt19937_64;

struct settings {
  redelivery policy = redelivery::at_most_once;
  bool has_faults = true;
};

/// A node with its link to the server. The bytes on the way can be lost.
struct participant {
  std::unique_ptr<amqp::node> node;
  std::optional<tests::fake_rabbitmq::client> client;
  std::string to_server, to_node;
  std::map<std::uint64_t, std::int64_t> calls; ///< token to call
  std::vector<amqp::call_key> keys;
  struct execution {
    amqp::inbound_id id;
    std::int64_t call;
  };
  std::vector<execution> running;
};

class world {
public:
  world(std::uint64_t seed, const settings& s) : random_{seed}, settings_{s} {
    participants_.resize(4);
    for (auto& p : participants_) start(p);
  }

  std::vector<std::string> run() {
    for (int i = 0; i < 400; ++i) step();
    rabbit_.set_blocked(false);
    rabbit_.nacks = rabbit_.vanish_exchange = 0;
    rabbit_.unavailable.clear();
    for (int i = 0; i < 600 && !is_over(); ++i) calm_step();
    if (!is_over()) oracle_.complain(-1, "something is left behind");
    return oracle_.verdict();
  }
  [[nodiscard]] oracle& judge() noexcept { return oracle_; }

private:
  std::size_t draw(std::size_t below) {
    return std::uniform_int_distribution<std::size_t>{0, below - 1}(random_);
  }
  participant& any() { return participants_[draw(participants_.size())]; }

  void start(participant& p) {
    p = {};
    amqp::node_options options;
    options.serve.on_redelivery = settings_.policy;
    options.prefetch = static_cast<std::uint16_t>(1 + draw(4));
    if (draw(2) == 0) options.limits.high_water_bytes = 1 + draw(2000);
    options.seed = random_();
    options.random = [engine = rng{random_()}](std::size_t count) mutable {
      std::string bytes(count, '\0');
      for (auto& c : bytes) c = static_cast<char>(engine());
      return bytes;
    };
    registry functions;
    if (&p < &participants_[2]) functions.add("f", [](std::int64_t n) { return n; });
    p.node = std::make_unique<amqp::node>(std::move(options), functions);
    p.node->start(now_);
    handle_events(p);
  }

  void step() {
    auto dice = draw(100);
    if (dice < 60) return move(any(), 1 + draw(400));
    if (dice < 72) return call(any());
    if (dice < 82) return answer(any());
    if (dice < 90) return pass(std::chrono::milliseconds{1 + draw(700)});
    if (dice < 92) return cancel(any());
    if (settings_.has_faults && draw(3) == 0) fault();
  }

  void fault() {
    auto& p = any();
    switch (draw(10)) {
    case 0: return cut(p);
    case 1: return kill(p);
    case 2:
      if (draw(4) == 0) restart_server();
      return;
    case 3: return rabbit_.set_blocked(draw(2) == 0);
    case 4: return rabbit_.delete_queue("f");
    case 5:
      if (p.client)
        rabbit_.close_channel(*p.client, static_cast<amqp::channel_number>(1 + draw(5)), 541,
                              "INTERNAL_ERROR");
      return;
    case 6: rabbit_.nacks = 1; return;
    case 7: rabbit_.vanish_exchange = 1; return;
    case 8:
      if (!rabbit_.unavailable.erase("f")) rabbit_.unavailable.insert("f");
      return;
    default: return stop(p);
    }
  }

  void call(participant& p) {
    auto number = oracle_.begin();
    auto token = static_cast<std::uint64_t>(number);
    p.calls.emplace(token, number);
    auto timeout = value{0.5 * static_cast<double>(1 + draw(20))};
    p.keys.push_back(p.node->call(token, {"f", {{number}, {}}, timeout}, now_));
    handle_events(p);
  }
  void cancel(participant& p) {
    if (p.keys.empty()) return;
    p.node->cancel(p.keys[draw(p.keys.size())], now_);
    handle_events(p);
  }
  void answer(participant& p) {
    if (p.running.empty()) return;
    auto at = p.running.begin() + static_cast<std::ptrdiff_t>(draw(p.running.size()));
    auto done = *at;
    p.running.erase(at);
    p.node->answer(done.id, value{done.call}, now_);
    handle_events(p);
  }

  /// Moves up to so many bytes in one direction.
  void move(participant& p, std::size_t most) {
    if (!p.client) return;
    std::string out;
    p.node->take_output(out, now_);
    p.to_server += out;
    auto id = *p.client;
    p.to_node += rabbit_.take_output(id);
    if (draw(2) == 0) {
      auto part = p.to_server.substr(0, most);
      p.to_server.erase(0, part.size());
      if (!part.empty()) rabbit_.receive(id, part, now_);
    } else if (!p.to_node.empty()) {
      auto part = p.to_node.substr(0, most);
      p.to_node.erase(0, part.size());
      p.node->receive(part, now_);
    } else if (rabbit_.has_closed(id)) {
      lose(p);
    }
    handle_events(p);
  }
  void pass(std::chrono::nanoseconds time) {
    now_ += time;
    rabbit_.tick(now_);
    for (auto& p : participants_) {
      p.node->tick(now_);
      handle_events(p);
    }
  }

  /// The node notices that its socket is closed.
  void lose(participant& p) {
    if (!p.client) return;
    rabbit_.disconnect(*std::exchange(p.client, {}), now_);
    p.to_server.clear();
    p.to_node.clear();
    p.node->disconnected({}, now_);
  }
  void cut(participant& p) {
    if (p.client && draw(2) == 0) rabbit_.receive(*p.client, std::exchange(p.to_server, {}), now_);
    lose(p);
    handle_events(p);
  }
  /// The calls of a node that is killed end with it.
  void kill(participant& p) {
    if (p.client) rabbit_.disconnect(*p.client, now_);
    for (auto [token, number] : p.calls) oracle_.ended(number, fail(errc::maybe_executed, {}));
    start(p);
  }
  /// The node drains as far as it comes, and another takes its place.
  void stop(participant& p) {
    p.node->go_away(now_);
    handle_events(p);
    for (int i = 0; i < 50 && !p.node->is_drained(); ++i) {
      answer(p);
      move(p, 1000);
    }
    p.node->shut_down({errc::shut_down, {}, {}}, now_);
    handle_events(p);
    if (!p.calls.empty()) oracle_.complain(-1, "a call survives its node");
    start(p);
  }
  void restart_server() {
    rabbit_.restart();
    for (auto& p : participants_) {
      lose(p);
      handle_events(p);
    }
  }

  void handle_events(participant& p) {
    std::vector<amqp::node_event> events;
    for (p.node->take_events(events); !events.empty(); p.node->take_events(events)) {
      for (auto& e : events) std::visit([&](auto& each) { handle(p, each); }, e);
      events.clear();
    }
  }
  void handle(participant& p, amqp::dial_server&) {
    if (settings_.has_faults && draw(8) == 0)
      return p.node->connect_failed({errc::connect_failed, "refused", {}}, now_);
    p.client = rabbit_.connect();
    p.node->connected(now_);
  }
  void handle(participant& p, amqp::server_lost& e) {
    if (!p.client) return;
    rabbit_.receive(*p.client, p.to_server + e.last_bytes, now_);
    rabbit_.disconnect(*std::exchange(p.client, {}), now_);
    p.to_server.clear();
    p.to_node.clear();
  }
  void handle(participant& p, amqp::execute_call& e) {
    auto number = e.args.positional.at(0).as_int64().value();
    oracle_.executed(number);
    p.running.push_back({e.id, number});
  }
  void handle(participant& p, amqp::call_finished& e) {
    auto ended = p.calls.extract(e.token);
    if (ended.empty()) return oracle_.complain(-1, "a call ended twice");
    oracle_.ended(ended.mapped(), e.outcome);
  }
  void handle(participant&, amqp::function_refused& e) {
    bool is_expected = e.why.message.find("tries again") != std::string::npos;
    if (!is_expected) oracle_.complain(-1, e.why.message);
  }
  template <class Event>
  void handle(participant&, Event&) {}

  void calm_step() {
    pass(100ms);
    for (auto& p : participants_) {
      while (!p.running.empty()) answer(p);
      for (int i = 0; i < 6; ++i) move(p, 100'000);
    }
  }
  bool is_over() {
    return rabbit_.unacknowledged() == 0
           && std::ranges::all_of(participants_, [](const participant& p) {
                return p.calls.empty() && p.running.empty() && p.node->in_flight().outbound == 0
                       && p.node->in_flight().inbound == 0;
              });
  }

  rng random_;
  settings settings_;
  oracle oracle_;
  instant now_ = 1h;
  tests::fake_rabbitmq rabbit_;
  std::vector<participant> participants_;
};

int report(std::uint64_t seed, const std::vector<std::string>& complaints) {
  for (const auto& line : complaints)
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), line.c_str());
  return 1;
}

int run_seeds(std::uint64_t first, std::uint64_t count) {
  std::map<std::string, std::size_t> account;
  for (auto seed = first; seed < first + count; ++seed) {
    try {
      world w{seed, {.has_faults = seed % 10 != 0}};
      if (auto complaints = w.run(); !complaints.empty()) return report(seed, complaints);
      for (const auto& [ending, calls] : w.judge().account()) account[ending] += calls;
    } catch (const std::exception& e) {
      return report(seed, {e.what()});
    }
  }
  for (const auto& [ending, calls] : account) std::printf("%s %zu\n", ending.c_str(), calls);
  return 0;
}

/// Servers that run calls again must be noticed.
int run_sabotage() {
  for (std::uint64_t seed = 1; seed < 200; ++seed) {
    world w{seed, {.policy = redelivery::at_least_once}};
    for (const auto& line : w.run())
      if (line.find("executed 2 times") != std::string::npos) return 0;
  }
  std::printf("the oracle has not noticed a function that ran twice\n");
  return 1;
}

} // namespace
} // namespace patio::simulation

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "sabotage") == 0) return patio::simulation::run_sabotage();
  if (argc != 3) {
    std::fprintf(stderr, "usage: rabbitmq_simulation FIRST COUNT | sabotage\n");
    return 2;
  }
  auto first = patio::simulation::read_number(argv[1]);
  auto count = patio::simulation::read_number(argv[2]);
  if (first && count) return patio::simulation::run_seeds(*first, *count);
  std::fprintf(stderr, "FIRST and COUNT are whole numbers\n");
  return 2;
}
