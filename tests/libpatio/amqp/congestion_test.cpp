#include <doctest/doctest.h>

#include <new>

#include "amqp/linked_node.hpp"

using namespace patio;
using namespace patio::amqp;
using namespace patio::tests;
using namespace std::chrono_literals;

// Bursts of large messages: the node puts out only as many bytes as the socket can take.
namespace {

constexpr std::size_t high_water = 1000, large = 10'000;
constexpr int burst = 12;

node_options small_buffers(redelivery policy = redelivery::at_most_once) {
  node_options options;
  options.limits.high_water_bytes = high_water;
  options.serve.on_redelivery = policy;
  return options;
}

registry functions() {
  registry rpc;
  rpc.add("large", [](value v) { return v; });
  return rpc;
}

value large_value() { return value{std::string(large, 'x')}; }

struct two_nodes {
  fake_rabbitmq rabbit;
  linked_node caller{rabbit, registry{}, small_buffers(), 1};
  linked_node server;

  explicit two_nodes(node_options options = small_buffers())
      : server{rabbit, functions(), std::move(options), 2} {
    settle();
  }
  void settle() {
    for (int i = 0; i < 4; ++i) {
      server.settle();
      caller.settle();
    }
  }
  /// The server ends all calls that have arrived, before it sends anything.
  void answer_all() {
    for (auto& each : std::exchange(server.started, {}))
      server.node().answer(each.id, large_value(), server.now);
  }
  void check_all_ended(const std::vector<std::uint64_t>& tokens) {
    for (auto token : tokens) {
      REQUIRE(caller.has_ended(token));
      CHECK(caller.ended.at(token) == large_value());
    }
    CHECK(rabbit.unacknowledged() == 0);
  }
};

std::vector<std::uint64_t> call_burst(linked_node& caller) {
  std::vector<std::uint64_t> tokens;
  for (int i = 0; i < burst; ++i) tokens.push_back(caller.call("large", {{large_value()}, {}}));
  return tokens;
}

bool is_small(std::size_t output) { return output < high_water + large + 1000; }

} // namespace

TEST_CASE("amqp::node: a burst of large calls leaves in small parts") {
  two_nodes t;
  auto tokens = call_burst(t.caller);
  t.settle();
  CHECK(is_small(t.caller.largest_output));
  CHECK(t.server.started.size() == burst);
  t.answer_all();
  t.settle();
  t.check_all_ended(tokens);
}

TEST_CASE("amqp::node: calls that have waited for the connection leave in small parts") {
  fake_rabbitmq rabbit;
  linked_node server{rabbit, functions(), {}, 2};
  server.settle();
  linked_node caller{rabbit, registry{}, small_buffers(), 1};
  auto tokens = call_burst(caller);
  caller.settle();
  server.settle();
  CHECK(is_small(caller.largest_output));
  CHECK(server.started.size() == burst);
}

TEST_CASE("amqp::node: a burst of large results leaves in small parts") {
  two_nodes t;
  auto tokens = call_burst(t.caller);
  t.settle();
  t.answer_all();
  t.settle();
  CHECK(is_small(t.server.largest_output));
  t.check_all_ended(tokens);
  CHECK(t.server.node().in_flight().inbound == 0);
}

TEST_CASE("amqp::node: results wait while the socket is congested, and the drain waits for them") {
  two_nodes t;
  auto tokens = call_burst(t.caller);
  t.settle();
  t.server.node().set_congested(true, t.server.now);
  t.answer_all();
  CHECK_FALSE(t.server.node().has_output());
  t.server.node().go_away(t.server.now);
  t.settle();
  CHECK(t.caller.seen.endings == 0);
  CHECK_FALSE(t.server.node().is_drained());
  t.server.node().set_congested(false, t.server.now);
  t.settle();
  t.check_all_ended(tokens);
  CHECK(t.server.node().is_drained());
}

TEST_CASE("amqp::node: calls wait while the socket is congested, and end with the reason") {
  two_nodes t;
  t.caller.node().set_congested(true, t.caller.now);
  auto token = t.caller.call("large", {{large_value()}, {}});
  t.settle();
  CHECK(t.server.started.empty());
  t.caller.advance(6s); // longer than route_timeout
  CHECK(t.caller.code(token) == errc::not_sent);
  CHECK(t.caller.ended.at(token).error().message.find("fast enough") != std::string::npos);
}

TEST_CASE("amqp::node: a server whose results cannot leave refuses further calls") {
  auto options = small_buffers(redelivery::ack_before_run);
  options.limits.write_buffer_bytes = 3 * large;
  two_nodes t{std::move(options)};
  auto tokens = call_burst(t.caller);
  t.settle();
  t.server.node().set_congested(true, t.server.now);
  t.answer_all();
  auto refused = t.caller.call("large", {{value{1}}, {}});
  t.caller.settle();
  t.server.settle();
  CHECK(t.server.started.empty());
  t.server.node().set_congested(false, t.server.now);
  t.settle();
  t.check_all_ended(tokens);
  REQUIRE(t.caller.has_ended(refused));
  CHECK(t.caller.code(refused) == errc::overloaded);
}

TEST_CASE("amqp::node: replies that wait are lost with their connection, and their calls are not") {
  two_nodes t{small_buffers(redelivery::at_least_once)};
  auto tokens = call_burst(t.caller);
  t.settle();
  t.server.node().set_congested(true, t.server.now);
  t.answer_all();
  t.server.cut();
  t.server.advance(1s);
  t.settle();
  CHECK(t.server.started.size() == burst);
  t.answer_all();
  t.settle();
  t.check_all_ended(tokens);
}

TEST_CASE("amqp::outbound_calls: ended calls leave the queue while RabbitMQ is not connected") {
  node_options options;
  options.random = seeded_bytes(1);
  node_core core{std::move(options), registry{}};
  topology objects{core};
  cancellation cancels{core, objects};
  outbound_calls calls{core, objects, cancels};
  auto first = calls.begin(0, {"mul", {}, {}});
  for (std::uint64_t token = 1; token < 10'000; ++token)
    calls.cancel(calls.begin(token, {"mul", {}, {}}));
  CHECK(calls.in_flight() == 1);
  CHECK(calls.queued() <= 2 + 64);
  CHECK(calls.waiting_bytes() > 0);
  calls.cancel(first);
  CHECK(calls.waiting_bytes() == 0);
  CHECK(core.events.size() == 10'000);
}

TEST_CASE("amqp::outbound_calls: ended calls that RabbitMQ has not confirmed are bounded") {
  fake_rabbitmq rabbit;
  node_options options;
  options.limits.waiting_calls = 10;
  linked_node caller{rabbit, registry{}, std::move(options)};
  caller.settle();
  rabbit.reads_channels = false;
  for (int i = 0; i < 10; ++i) {
    auto token = caller.call("mul");
    caller.node().cancel(caller.keys.at(token), caller.now);
    caller.settle();
    CHECK(caller.code(token) == errc::cancelled);
  }
  auto refused = caller.call("mul");
  caller.settle();
  CHECK(caller.code(refused) == errc::overloaded);
  CHECK(caller.ended.at(refused).error().exceeded == limit::waiting_calls);
  rabbit.reads_channels = true;
  for (int i = 0; i < 20; ++i) caller.advance(1s);
  auto accepted = caller.call("mul");
  caller.settle();
  CHECK(caller.code(accepted) == errc::no_route);
}

TEST_CASE("amqp::node: a call that cannot be published for an exception leaves nothing behind") {
  fake_rabbitmq rabbit;
  node_options options;
  bool fails = false;
  options.random = [&fails, bytes = seeded_bytes(1)](std::size_t count) mutable {
    if (fails) throw std::bad_alloc{};
    return bytes(count);
  };
  options.limits.waiting_calls = 1000;
  linked_node caller{rabbit, registry{}, std::move(options), 1, linked_node::own_random};
  caller.settle();
  fails = true;
  unsigned accepted = 0, failed = 0;
  while (failed < 2000) {
    try {
      (void)caller.call("mul", {{1}, {}}, 1);
      ++accepted;
    } catch (const std::bad_alloc&) {
      ++failed;
    }
  }
  CHECK(caller.node().in_flight().outbound == accepted);
  caller.node().disconnected(error{errc::protocol, "out of memory", {}}, caller.now);
  fails = false;
  for (int i = 0; i < 10; ++i) caller.advance(1s);
  CHECK(caller.seen.endings == accepted);
  CHECK(caller.seen.dials == 2);
  CHECK(caller.node().is_ready());
}
