#include <doctest/doctest.h>

#include <patio/value/repr.hpp>

#include "amqp/linked_node.hpp"
#include "hex.hpp"

using namespace patio;
using namespace patio::amqp;
using namespace patio::tests;
using namespace std::chrono_literals;

// Connecting, recovery, queues that are refused, and the drain.
namespace {

registry functions() {
  registry rpc;
  rpc.add("first", [](std::int64_t a) { return a + 1; }, {.quick = true});
  rpc.add("second", [](std::int64_t a) { return a + 2; }, {.quick = true});
  rpc.add("slow", [] { return 1; });
  return rpc;
}

value outcome(linked_node& caller, linked_node& server, const std::string& name) {
  auto token = caller.call(name, {{1}, {}});
  for (int i = 0; i < 4; ++i) {
    caller.settle();
    server.settle();
  }
  REQUIRE(caller.has_ended(token));
  auto& ended = caller.ended.at(token);
  return ended ? *ended : value{to_string(ended.error().code)};
}

} // namespace

TEST_CASE("amqp::node: it becomes ready and declares what it serves") {
  fake_rabbitmq rabbit;
  linked_node node{rabbit, functions()};
  node.settle();
  CHECK(node.seen.times_ready == 1);
  CHECK(node.node().is_ready());
  for (const auto* name : {"first", "second", "slow"}) CHECK(rabbit.has_queue(name));
  CHECK(rabbit.queue_names().size() == 4);
  CHECK(outcome(node, node, "second") == value{3});
}

TEST_CASE("amqp::node: a ping is one round trip, or fails with the connection") {
  fake_rabbitmq rabbit;
  linked_node node{rabbit};
  node.node().ping(1); // not connected yet
  node.settle();
  node.node().ping(2);
  node.settle();
  node.node().ping(3);
  node.cut();
  CHECK(node.pongs
        == std::vector<std::pair<std::uint64_t, bool>>{{1, false}, {2, true}, {3, false}});
}

TEST_CASE("amqp::node: a server that does not answer the handshake is given up") {
  fake_rabbitmq rabbit;
  rabbit.answers_handshake = false;
  linked_node node{rabbit};
  node.settle();
  node.advance(5s);
  REQUIRE(node.losses.size() == 1);
  CHECK(node.losses[0].exceeded == limit::handshake_timeout);
  rabbit.answers_handshake = true;
  node.advance(10s);
  CHECK(node.seen.times_ready == 1);
}

TEST_CASE("amqp::node: a refused login is tried again, but not often") {
  fake_rabbitmq rabbit;
  rabbit.password = "other";
  linked_node node{rabbit};
  node.settle();
  REQUIRE(node.losses.size() == 1);
  CHECK(node.losses[0].code == errc::login_refused);
  node.advance(4900ms);
  CHECK(node.seen.dials == 1);
  rabbit.password = "guest";
  node.advance(30s);
  CHECK(node.seen.times_ready == 1);
}

TEST_CASE("amqp::node: it connects again with growing random delays") {
  fake_rabbitmq rabbit;
  linked_node node{rabbit};
  node.refuses_dials = true;
  node.settle();
  std::vector<instant> at;
  for (int i = 0; i < 2000; ++i) {
    auto before = node.seen.dials;
    node.advance(10ms);
    if (node.seen.dials > before) at.push_back(node.now);
  }
  REQUIRE(at.size() >= 6);
  CHECK(at.size() < 12);
  CHECK(at[5] - at[4] > 4 * (at[1] - at[0]));
}

TEST_CASE("amqp::node: it serves again after RabbitMQ has restarted, with a new result queue") {
  fake_rabbitmq rabbit;
  linked_node node{rabbit, functions()};
  node.settle();
  auto before = rabbit.queue_names();
  rabbit.restart();
  node.cut();
  node.advance(1s);
  CHECK(node.seen.times_ready == 2);
  auto names = rabbit.queue_names();
  CHECK(names.size() == 4);
  CHECK(names != before);
  CHECK(outcome(node, node, "first") == value{2});
}

TEST_CASE("amqp::node: the exchange that vanishes before the binding is declared again") {
  fake_rabbitmq rabbit;
  rabbit.vanish_exchange = 3;
  linked_node node{rabbit, functions()};
  node.settle();
  CHECK(node.seen.times_ready == 1);
  CHECK(node.seen.dials == 1);
  rabbit.vanish_exchange = 1000;
  node.cut();
  node.advance(200ms);
  CHECK(node.seen.times_ready == 1);
  CHECK(node.losses.back().message.find("NOT_FOUND") != std::string::npos);
}

TEST_CASE("amqp::node: a queue with other options is an error that names the argument, once") {
  fake_rabbitmq rabbit;
  node_options durable;
  durable.functions["second"].queue.durable = true;
  linked_node other{rabbit, functions(), std::move(durable), 2};
  other.settle();
  linked_node node{rabbit, functions()};
  node.settle();
  REQUIRE(node.refused.size() == 1);
  CHECK(node.refused[0].name == "second");
  CHECK(node.refused[0].why.code == errc::invalid);
  CHECK(node.refused[0].why.message.find("'durable'") != std::string::npos);
  CHECK(node.seen.times_ready == 1); // for its other functions
  for (int i = 0; i < 100; ++i) node.advance(1s);
  CHECK(node.refused.size() == 1);
  CHECK(node.seen.dials == 1);
  other.cut();
  CHECK(outcome(node, node, "first") == value{2});
}

TEST_CASE("amqp::node: arguments of a queue are declared as the Python plugin declares them") {
  fake_rabbitmq rabbit;
  node_options options;
  options.serve.queue = {.durable = true, .arguments = {{"x-expires", {std::int64_t{60'000}}}}};
  registry rpc;
  rpc.add("echo2", [](value v) { return v; });
  linked_node node{rabbit, rpc, std::move(options)};
  node.settle();
  // The frame of the Python plugin in tests/data/amqp.jsonl, on channel 3.
  auto frame = from_hex("010003000000410032000a0000056563686f32020000003016782d646561642d6c65747465"
                        "722d65786368616e676553000000077270632e646c7809782d6578706972657375ea60ce");
  CHECK(node.sent.find(frame) != std::string::npos);
}

TEST_CASE("amqp::node: a consumer that RabbitMQ cancels is started again") {
  fake_rabbitmq rabbit;
  linked_node node{rabbit, functions()};
  node.settle();
  rabbit.delete_queue("first");
  node.settle();
  CHECK(outcome(node, node, "second") == value{3});
  CHECK(outcome(node, node, "first") == value{"no_route"});
  node.advance(200ms);
  CHECK(outcome(node, node, "first") == value{2});
  CHECK(node.seen.dials == 1);
}

TEST_CASE("amqp::node: a closed serve channel does not end own calls") {
  fake_rabbitmq rabbit;
  linked_node server{rabbit, functions()};
  linked_node node{rabbit, functions(), {}, 2};
  server.settle();
  node.settle();
  auto token = node.call("slow");
  node.settle();
  server.settle();
  auto& runner = server.started.empty() ? node : server;
  auto& other = server.started.empty() ? server : node;
  rabbit.close_channel(*other.client(), serve_channel, 406, "PRECONDITION_FAILED - timed out");
  other.settle();
  CHECK(runner.started.size() == 1);
  runner.answer(value{1});
  node.settle();
  CHECK(node.ended.at(token).value() == value{1});
  other.advance(1s);
  CHECK(other.seen.dials == 1);
  CHECK(rabbit.unacknowledged() == 0);
}

TEST_CASE("amqp::node: the drain finishes what runs, takes nothing more and closes") {
  fake_rabbitmq rabbit;
  linked_node server{rabbit, functions()};
  linked_node caller{rabbit, registry{}, {}, 2};
  server.settle();
  caller.settle();
  auto running = caller.call("slow");
  caller.settle();
  server.settle();
  server.node().go_away(server.now);
  server.settle();
  CHECK_FALSE(server.node().is_drained());
  auto later = caller.call("slow");
  caller.settle();
  server.settle();
  CHECK(server.started.size() == 1);
  CHECK(rabbit.ready("slow") == 1);
  server.answer(value{1});
  caller.settle();
  CHECK(caller.ended.at(running).value() == value{1});
  CHECK(server.node().is_drained());
  CHECK(rabbit.clients() == 1);
  server.advance(60s);
  CHECK(server.seen.dials == 1);
  linked_node next{rabbit, functions(), {}, 3};
  next.settle();
  REQUIRE(next.started.size() == 1);
  next.answer(value{2});
  caller.settle();
  CHECK(caller.ended.at(later).value() == value{2});
}

TEST_CASE("amqp::node: shut_down ends every call once") {
  fake_rabbitmq rabbit;
  linked_node node{rabbit, functions()};
  node.settle();
  auto a = node.call("slow");
  node.settle();
  auto b = node.call("first", {{1}, {}});
  node.node().shut_down({errc::shut_down, {}, {}}, node.now);
  node.settle();
  CHECK(node.code(a) == errc::maybe_executed);
  CHECK(node.code(b) == errc::not_sent);
  CHECK(node.seen.endings == 2);
  CHECK(rabbit.clients() == 0);
  auto c = node.call("first");
  node.settle();
  CHECK(node.code(c) == errc::shut_down);
}
