#include <doctest/doctest.h>

#include "amqp/linked_node.hpp"

using namespace patio;
using namespace patio::amqp;
using namespace patio::tests;
using namespace std::chrono_literals;

// Queues that RabbitMQ cannot provide for a while, and a RabbitMQ that answers slowly.
namespace {

registry functions() {
  registry rpc;
  rpc.add("first", [](std::int64_t a) { return a + 1; }, {.quick = true});
  rpc.add("second", [](std::int64_t a) { return a + 2; }, {.quick = true});
  rpc.add("slow", [] { return 1; });
  return rpc;
}

void settle_both(linked_node& a, linked_node& b) {
  for (int i = 0; i < 4; ++i) {
    a.settle();
    b.settle();
  }
}

/// Calls a quick function, and returns its result or the code of its error.
value outcome(linked_node& caller, linked_node& server, const std::string& name) {
  auto token = caller.call(name, {{1}, {}});
  settle_both(caller, server);
  REQUIRE(caller.has_ended(token));
  auto& ended = caller.ended.at(token);
  return ended ? *ended : value{to_string(ended.error().code)};
}

/// A server with a call of `slow` that runs.
struct busy_server {
  fake_rabbitmq& rabbit;
  linked_node server{rabbit, functions()}, caller{rabbit, registry{}, {}, 2};
  std::uint64_t slow = 0;

  explicit busy_server(fake_rabbitmq& r) : rabbit{r} {
    settle_both(server, caller);
    slow = caller.call("slow");
    settle_both(caller, server);
    REQUIRE(server.started.size() == 1);
  }
  void advance(std::chrono::seconds time) {
    for (auto passed = 0s; passed < time; passed += 1s) {
      server.advance(1s);
      caller.advance(1s);
    }
  }
  void check_undisturbed() {
    REQUIRE(server.started.size() == 1);
    CHECK_FALSE(server.started[0].stop.stop_requested());
    CHECK(server.seen.dials == 1);
    server.answer(value{1});
    settle_both(caller, server);
    REQUIRE(caller.has_ended(slow));
    CHECK(caller.ended.at(slow) == value{1});
  }
};

} // namespace

TEST_CASE("amqp::node: a queue that is unavailable leaves out its own function only") {
  fake_rabbitmq rabbit;
  rabbit.unavailable = {"first"};
  busy_server busy{rabbit};
  auto& [unused, server, caller, slow] = busy;
  CHECK(server.seen.times_ready == 1);
  REQUIRE(server.refused.size() == 1);
  CHECK(server.refused[0].name == "first");
  CHECK(server.refused[0].why.message.find("home node") != std::string::npos);
  CHECK(server.refused[0].why.message.find("tries again") != std::string::npos);
  CHECK(outcome(caller, server, "second") == value{3});
  CHECK(outcome(caller, server, "first") == value{"no_route"});
  busy.advance(60s);
  CHECK(server.refused.size() == 1);
  rabbit.unavailable.clear();
  busy.advance(60s);
  CHECK(outcome(caller, server, "first") == value{2});
  busy.check_undisturbed();
}

TEST_CASE("amqp::node: a queue that is lost and unavailable does not end the calls of others") {
  fake_rabbitmq rabbit;
  busy_server busy{rabbit};
  auto& [unused, server, caller, slow] = busy;
  rabbit.delete_queue("first");
  rabbit.delete_queue("second");
  rabbit.unavailable = {"first"};
  busy.advance(20s);
  CHECK(server.refused.size() == 1);
  CHECK(outcome(caller, server, "second") == value{3});
  rabbit.unavailable = {"first", "second"};
  rabbit.delete_queue("second");
  busy.advance(20s);
  rabbit.unavailable.clear();
  busy.advance(60s);
  CHECK(outcome(caller, server, "first") == value{2});
  CHECK(outcome(caller, server, "second") == value{3});
  busy.check_undisturbed();
}

TEST_CASE("amqp::node: the serve channel may close while a lost queue is declared again") {
  fake_rabbitmq rabbit;
  linked_node node{rabbit, functions()};
  node.settle();
  rabbit.unavailable = {"first"};
  rabbit.delete_queue("first");
  for (int i = 0; i < 40; ++i) {
    rabbit.close_channel(*node.client(), serve_channel, 541, "INTERNAL_ERROR");
    node.advance(500ms);
  }
  rabbit.unavailable.clear();
  for (int i = 0; i < 60; ++i) node.advance(1s);
  CHECK(outcome(node, node, "first") == value{2});
  CHECK(outcome(node, node, "second") == value{3});
  CHECK(node.seen.dials == 1);
}

TEST_CASE("amqp::node: a channel that ends for another reason refuses no function") {
  fake_rabbitmq rabbit;
  rabbit.timeouts = 1;
  linked_node node{rabbit, functions()};
  node.settle();
  node.advance(1s);
  node.advance(1s);
  CHECK(node.refused.empty());
  CHECK(node.seen.times_ready == 1);
  CHECK(outcome(node, node, "first") == value{2});
  CHECK(node.seen.dials == 1);
}

TEST_CASE("amqp::node: slow declarations do not end a connection that is alive") {
  fake_rabbitmq rabbit;
  rabbit.reads_channels = false;
  linked_node node{rabbit, functions()};
  node.settle();
  for (int i = 0; i < 60; ++i) node.advance(1s);
  CHECK(node.seen.dials == 1);
  CHECK(node.losses.empty());
  rabbit.reads_channels = true;
  for (int i = 0; i < 10; ++i) node.advance(1s);
  CHECK(node.seen.times_ready == 1);
  CHECK(outcome(node, node, "first") == value{2});
}
