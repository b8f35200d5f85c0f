#include <doctest/doctest.h>

#include <patio/amqp/bodies.hpp>
#include <patio/value/repr.hpp>

#include "amqp/linked_node.hpp"

using namespace patio;
using namespace patio::amqp;
using namespace patio::tests;
using namespace std::chrono_literals;

// A server answers, refuses or returns the calls that RabbitMQ delivers.
namespace {

registry functions() {
  registry rpc;
  rpc.add("mul", [](std::int64_t a, std::int64_t b) { return a * b; });
  rpc.add("quick", [](std::int64_t a) { return a + 1; }, {.quick = true});
  rpc.add("quick_any", [](const value&) { return 1; }, {.quick = true});
  rpc.add("brief", [] { return 1; }, {.timeout = 2s});
  return rpc;
}

struct server_and_stranger {
  fake_rabbitmq rabbit;
  linked_node server;
  linked_node caller{rabbit, registry{}, {}, 9};
  explicit server_and_stranger(node_options options = {})
      : server{rabbit, functions(), std::move(options)} {
    settle();
  }
  void settle() {
    for (int i = 0; i < 4; ++i) {
      server.settle();
      caller.settle();
    }
  }
  std::uint64_t call(const std::string& name, std::vector<value> args) {
    auto token = caller.call(name, {std::move(args), {}});
    settle();
    return token;
  }
  /// Puts a call into the queue that no node has made.
  void put(std::string_view body, const properties& p = {}) {
    rabbit.put("mul", p, body);
    settle();
  }
  /// The server answers the next call, and nothing waits for an acknowledgement.
  void require_alive() {
    auto token = call("quick", {1});
    REQUIRE(caller.has_ended(token));
    CHECK(caller.ended.at(token).value() == value{2});
    CHECK(rabbit.unacknowledged() == 0);
    CHECK(server.seen.dials == 1);
  }
};

node_options with(redelivery policy) {
  node_options options;
  options.serve.on_redelivery = policy;
  return options;
}

} // namespace

TEST_CASE("amqp::inbound_calls: a quick function answers at once") {
  server_and_stranger t;
  t.require_alive();
}

TEST_CASE("amqp::inbound_calls: a quick function whose small request expands runs on a worker") {
  server_and_stranger t;
  value shared{"x"};
  for (int level = 0; level < 12; ++level) shared = value::list({shared, shared});
  (void)t.call("quick_any", {shared});
  CHECK(t.server.started.size() == 1);
}

TEST_CASE("amqp::inbound_calls: the request is acknowledged behind the confirmed reply") {
  server_and_stranger t;
  (void)t.call("mul", {2, 3});
  REQUIRE(t.server.started.size() == 1);
  CHECK(t.rabbit.unacknowledged() == 1);
  t.server.node().answer(t.server.started[0].id, value{6}, t.server.now);
  std::string out;
  t.server.node().take_output(out, t.server.now);
  t.rabbit.receive(*t.server.client(), out, t.server.now);
  CHECK(t.rabbit.unacknowledged() == 1); // confirmed, but the server has not read that
  t.settle();
  CHECK(t.rabbit.unacknowledged() == 0);
}

TEST_CASE("amqp::inbound_calls: every poison is answered and acknowledged") {
  server_and_stranger t;
  t.rabbit.keeps_published = true;
  auto queue = [&] {
    for (const auto& name : t.rabbit.queue_names())
      if (name.starts_with("amq_")) return name;
    return std::string{};
  }();
  for (const std::string& body :
       {std::string{"garbage"}, std::string{}, std::string{"\x80\x04}.", 4},
        std::string{"cos\ngetcwd\n(tR."}, std::string{"\x80\x04K\x01."}, std::string(5000, '(')}) {
    auto before = t.rabbit.published.size();
    t.put(body, {.correlation_id = "someone", .reply_to = queue, .type = "call"});
    REQUIRE(t.rabbit.published.size() == before + 1);
    auto reply = t.rabbit.published.back().properties();
    CHECK(reply.type == "error");
    CHECK(reply.correlation_id == "someone");
    t.require_alive();
  }
}

TEST_CASE("amqp::inbound_calls: odd properties and hostile headers do not matter") {
  server_and_stranger t;
  auto body = write_call({{2, 3}, {}}, {}, 1000).value();
  t.put(body, {.headers = std::string_view{"\xff\xff garbage"}});
  t.put(body, {});
  t.put(body, {.priority = std::uint8_t{255}, .expiration = "60000", .type = "nonsense"});
  CHECK(t.server.started.size() == 3);
  while (!t.server.started.empty()) t.server.answer(value{6});
  t.require_alive();
}

TEST_CASE("amqp::inbound_calls: an unsendable result is an error reply") {
  server_and_stranger t;
  auto token = t.call("mul", {2, 3});
  t.server.answer(value{std::string(17 << 20, 'x')});
  t.settle();
  CHECK(to_string(t.caller.ended.at(token).error())
        == "ValueError: the result cannot be sent: it is over the frame limit");
  t.require_alive();
}

TEST_CASE("amqp::inbound_calls: a reply over RabbitMQ's limit costs one redelivery") {
  server_and_stranger t;
  t.rabbit.max_message_size = 5000;
  auto token = t.call("mul", {2, 3});
  t.server.answer(value{std::string(6000, 'x')});
  t.server.advance(1s);
  t.settle();
  CHECK(t.caller.code(token) == errc::maybe_executed);
  CHECK(t.server.started.empty());
  auto next = t.call("mul", {2, 3});
  t.server.answer(value{std::string(6000, 'x')});
  t.settle();
  CHECK(t.caller.code(next) == errc::remote_error); // the node has learnt the limit
  t.require_alive();
}

TEST_CASE("amqp::inbound_calls: a redelivered call is refused unless it may run again") {
  for (auto policy :
       {redelivery::at_most_once, redelivery::at_least_once, redelivery::ack_before_run}) {
    fake_rabbitmq rabbit;
    linked_node caller{rabbit, registry{}, {}, 9};
    auto first = std::make_unique<linked_node>(rabbit, functions(), with(policy), 1);
    first->settle();
    caller.settle();
    auto token = caller.call("mul", {{2, 3}, {}});
    caller.settle();
    first->settle();
    REQUIRE(first->started.size() == 1);
    first->cut();
    CHECK(first->started[0].stop.stop_requested());
    linked_node second{rabbit, functions(), with(policy), 2};
    second.settle();
    caller.settle();
    if (policy == redelivery::at_most_once) {
      CHECK(second.started.empty());
      CHECK(caller.code(token) == errc::maybe_executed);
    } else if (policy == redelivery::at_least_once) {
      REQUIRE(second.started.size() == 1);
      second.answer(value{6});
      caller.settle();
      CHECK(caller.ended.at(token).value() == value{6});
    } else {
      CHECK(second.started.empty());
      CHECK_FALSE(caller.has_ended(token)); // lost with its server
    }
  }
}

TEST_CASE("amqp::inbound_calls: a reply that RabbitMQ refuses makes the call come again, once") {
  server_and_stranger t;
  auto token = t.call("mul", {2, 3});
  t.rabbit.nacks = 1;
  t.server.answer(value{6});
  t.settle();
  CHECK(t.caller.code(token) == errc::maybe_executed);
  t.rabbit.nacks = 2;
  auto next = t.call("quick", {2});
  t.settle();
  CHECK(t.caller.code(next) == errc::maybe_executed);
  CHECK(t.rabbit.unacknowledged() == 0);
}

TEST_CASE("amqp::inbound_calls: a call without reply_to runs and is acknowledged") {
  server_and_stranger t;
  t.put(write_call({{2, 3}, {}}, {}, 1000).value());
  REQUIRE(t.server.started.size() == 1);
  t.server.answer(value{6});
  t.require_alive();
}

TEST_CASE("amqp::inbound_calls: the function's own time limit ends its call") {
  server_and_stranger t;
  auto token = t.call("brief", {});
  REQUIRE(t.server.started.size() == 1);
  t.server.advance(2s);
  t.settle();
  CHECK(t.caller.code(token) == errc::timeout);
  CHECK(t.server.started[0].stop.stop_requested());
  t.server.answer(value{1}); // too late
  t.require_alive();
}

TEST_CASE("amqp::inbound_calls: the prefetch bounds the calls that wait in a server") {
  node_options options;
  options.prefetch = 2;
  server_and_stranger t{std::move(options)};
  for (int i = 0; i < 5; ++i) (void)t.call("mul", {i, i});
  CHECK(t.server.started.size() == 2);
  t.server.answer(value{1});
  t.settle();
  CHECK(t.server.started.size() == 2);
  CHECK(t.rabbit.ready("mul") == 2);
}

TEST_CASE("amqp::inbound_calls: arguments over inbound_bytes are overload") {
  node_options options;
  options.limits.inbound_bytes = 1000;
  server_and_stranger t{std::move(options)};
  (void)t.call("mul", {value{std::string(900, 'x')}});
  auto token = t.call("mul", {value{std::string(900, 'x')}});
  CHECK(t.caller.code(token) == errc::overloaded);
}
