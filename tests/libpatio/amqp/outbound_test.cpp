#include <doctest/doctest.h>

#include <patio/value/repr.hpp>

#include "amqp/linked_node.hpp"

using namespace patio;
using namespace patio::amqp;
using namespace patio::tests;
using namespace std::chrono_literals;

// Every call of a node ends: with an answer, an error or a timeout.
namespace {

registry one_function() {
  registry rpc;
  rpc.add("mul", [](std::int64_t a, std::int64_t b) { return a * b; });
  return rpc;
}

/// A caller and a server of "mul". The test answers the calls.
struct two_nodes {
  fake_rabbitmq rabbit;
  linked_node caller{rabbit, registry{}, {}, 1};
  linked_node callee{rabbit, one_function(), {}, 2};
  two_nodes() { settle(); }
  void settle() {
    for (int i = 0; i < 4; ++i) {
      callee.settle();
      caller.settle();
    }
  }
  std::uint64_t call(const std::string& name = "mul", value timeout = {}) {
    auto token = caller.call(name, {{6, 7}, {}}, std::move(timeout));
    settle();
    return token;
  }
  void answer(const result<value>& r) {
    callee.answer(r);
    settle();
  }
  void advance(std::chrono::nanoseconds by) {
    callee.advance(by);
    caller.advance(by);
    settle();
  }
};

} // namespace

TEST_CASE("amqp::outbound_calls: a value and an exception arrive in any pieces") {
  for (std::size_t piece : {1UL, 3UL, 1000UL}) {
    two_nodes t;
    t.caller.piece = t.callee.piece = piece;
    auto a = t.call();
    REQUIRE(t.callee.started.size() == 1);
    CHECK(t.callee.started[0].args.positional == std::vector<value>{6, 7});
    t.answer(value{42});
    CHECK(t.caller.ended.at(a).value() == value{42});
    auto b = t.call();
    t.answer(tl::unexpected(remote_error(value::exception("builtins.ValueError", {"boo"}))));
    CHECK(to_string(t.caller.ended.at(b).error()) == "ValueError: boo");
    CHECK(t.rabbit.unacknowledged() == 0);
  }
}

TEST_CASE("amqp::outbound_calls: an ending that no function raised keeps its errc") {
  two_nodes t;
  for (auto code : {errc::overloaded, errc::timeout, errc::cancelled, errc::shut_down}) {
    auto token = t.call();
    t.answer(fail(code, "why"));
    CHECK(t.caller.code(token) == code);
  }
}

TEST_CASE("amqp::outbound_calls: a name without a queue has no route") {
  two_nodes t;
  auto token = t.call("nosuch");
  CHECK(t.caller.code(token) == errc::no_route);
  CHECK(t.caller.ended.at(token).error().message == "RabbitMQ has no queue 'nosuch'");
}

TEST_CASE("amqp::outbound_calls: names that RabbitMQ does not take are invalid") {
  two_nodes t;
  for (const auto& name :
       {std::string{}, std::string(256, 'x'), std::string{"amq.gen-1"}, std::string{"\xff"}}) {
    auto token = t.call(name);
    CHECK(t.caller.code(token) == errc::invalid);
  }
}

TEST_CASE("amqp::outbound_calls: the caller's own clock ends a call") {
  two_nodes t;
  auto token = t.call("mul", 1);
  t.advance(1s);
  CHECK(t.caller.code(token) == errc::timeout);
  t.answer(value{42}); // too late
  CHECK(t.caller.seen.endings == 1);
  CHECK(t.caller.node().counts().unexpected_replies == 1);
  auto none = t.call("mul", 0);
  CHECK(t.caller.code(none) == errc::timeout);
  CHECK(t.callee.started.empty());
}

TEST_CASE("amqp::outbound_calls: the expiration is the timeout, rounded up to seconds") {
  two_nodes t;
  t.rabbit.keeps_published = true;
  (void)t.call("mul", 2.2);
  (void)t.call("mul", 1);
  (void)t.call("mul");
  REQUIRE(t.rabbit.published.size() == 3);
  CHECK(t.rabbit.published[0].properties().expiration == "3000");
  CHECK(t.rabbit.published[1].properties().expiration == "1000");
  CHECK_FALSE(t.rabbit.published[2].properties().expiration);
}

TEST_CASE("amqp::outbound_calls: a call that nobody takes comes back as a timeout") {
  fake_rabbitmq rabbit;
  linked_node caller{rabbit};
  caller.settle();
  {
    linked_node callee{rabbit, one_function(), {}, 2};
    callee.settle();
    callee.cut(); // its queue stays
  }
  auto token = caller.call("mul", {{1, 2}, {}}, 1.5);
  caller.settle();
  CHECK(rabbit.ready("mul") == 1);
  caller.now += 1400ms; // the caller's own clock has not reached its deadline
  rabbit.tick(caller.now + 700ms);
  caller.settle();
  CHECK(caller.code(token) == errc::timeout);
  CHECK(rabbit.ready("mul") == 0);
}

TEST_CASE("amqp::outbound_calls: a cancelled call ends at once and its reply is dropped") {
  two_nodes t;
  auto token = t.call();
  t.caller.node().cancel(t.caller.keys.at(token), t.caller.now);
  t.settle();
  CHECK(t.caller.code(token) == errc::cancelled);
  t.answer(value{42});
  CHECK(t.caller.seen.endings == 1);
}

TEST_CASE("amqp::outbound_calls: a nack is maybe_executed") {
  two_nodes t;
  t.rabbit.nacks = 1;
  auto token = t.call();
  CHECK(t.caller.code(token) == errc::maybe_executed);
}

TEST_CASE("amqp::outbound_calls: a lost connection ends published calls only") {
  two_nodes t;
  auto published = t.call();
  auto unsent = t.caller.call("mul", {{1, 2}, {}}); // its bytes have not left
  t.caller.refuses_dials = true;
  t.caller.cut();
  CHECK(t.caller.code(published) == errc::maybe_executed);
  CHECK(t.caller.code(unsent) == errc::not_sent);
  auto waiting = t.caller.call("mul", {{1, 2}, {}});
  auto brief = t.caller.call("mul", {{1, 2}, {}}, 1);
  t.caller.settle();
  CHECK_FALSE(t.caller.has_ended(waiting));
  t.advance(1s);
  CHECK(t.caller.code(brief) == errc::timeout);
  CHECK(t.caller.ended.at(brief).error().remedy == remedy::repetition);
  t.caller.refuses_dials = false;
  t.advance(1s);
  t.settle();
  CHECK(t.caller.seen.times_ready == 2);
  REQUIRE(t.callee.started.size() == 2);
  t.answer(value{1}); // of the lost call
  t.answer(value{2});
  CHECK(t.caller.ended.at(waiting).value() == value{2});
}

TEST_CASE(
  "amqp::outbound_calls: a call that is not_sent is never sent, whatever ends the connection") {
  two_nodes t;
  auto token = t.caller.call("mul", {{1, 2}, {}}); // its bytes have not left
  t.rabbit.close_channel(*t.caller.client(), results_channel, 541, "INTERNAL_ERROR");
  t.caller.node().receive(t.rabbit.take_output(*t.caller.client()), t.caller.now);
  t.settle();
  CHECK(t.caller.code(token) == errc::not_sent);
  CHECK(t.callee.started.empty());
  CHECK(t.rabbit.ready("mul") == 0);
}

TEST_CASE("amqp::outbound_calls: a call waits for a connection up to route_timeout") {
  fake_rabbitmq rabbit;
  linked_node caller{rabbit};
  caller.refuses_dials = true;
  caller.settle();
  auto token = caller.call("mul");
  caller.advance(4s);
  CHECK_FALSE(caller.has_ended(token));
  caller.advance(1s);
  CHECK(caller.code(token) == errc::not_sent);
  CHECK(caller.ended.at(token).error().message.find("refused") != std::string::npos);
}

TEST_CASE("amqp::outbound_calls: calls wait while RabbitMQ accepts no messages") {
  two_nodes t;
  t.rabbit.set_blocked(true);
  t.settle();
  auto patient = t.call();
  auto brief = t.call("mul", 7);
  t.advance(6s); // longer than route_timeout
  CHECK_FALSE(t.caller.has_ended(patient));
  t.advance(1s);
  CHECK(t.caller.code(brief) == errc::timeout);
  CHECK(t.caller.ended.at(brief).error().remedy == remedy::repetition);
  CHECK(t.callee.started.empty());
  t.rabbit.set_blocked(false);
  t.settle();
  t.answer(value{42});
  CHECK(t.caller.ended.at(patient).value() == value{42});
}

TEST_CASE("amqp::outbound_calls: calls that wait are bounded by write_buffer_bytes") {
  fake_rabbitmq rabbit;
  node_options options;
  options.limits.write_buffer_bytes = 100;
  linked_node caller{rabbit, registry{}, std::move(options)};
  auto first = caller.call("mul", {{value{std::string(60, 'x')}}, {}});
  auto second = caller.call("mul", {{value{std::string(60, 'x')}}, {}});
  std::vector<node_event> events;
  caller.settle();
  CHECK(caller.code(second) == errc::overloaded);
  CHECK(caller.ended.at(second).error().exceeded == limit::write_buffer_bytes);
  CHECK(caller.code(first) == errc::no_route); // it was sent
}

TEST_CASE("amqp::outbound_calls: arguments over the frame limit are invalid and disturb nobody") {
  two_nodes t;
  auto big = t.caller.call("mul", {{value::bytes(std::string(17 << 20, 'x'))}, {}});
  t.settle();
  CHECK(t.caller.code(big) == errc::invalid);
  CHECK(t.caller.ended.at(big).error().exceeded == limit::frame_bytes);
  auto token = t.call();
  t.answer(value{42});
  CHECK(t.caller.ended.at(token).has_value());
}

TEST_CASE("amqp::outbound_calls: a message over RabbitMQ's limit closes one channel, once") {
  two_nodes t;
  t.rabbit.max_message_size = 1000;
  auto running = t.call();
  REQUIRE(t.callee.started.size() == 1);
  auto big = t.caller.call("mul", {{value{std::string(2000, 'x')}}, {}});
  t.settle();
  CHECK(t.caller.code(big) == errc::maybe_executed);
  CHECK(t.caller.ended.at(big).error().message.find("max size 1000") != std::string::npos);
  CHECK_FALSE(t.caller.has_ended(running)); // it was confirmed, so its reply will come
  t.answer(value{42});
  CHECK(t.caller.ended.at(running).value() == value{42});
  auto next = t.caller.call("mul", {{value{std::string(2000, 'x')}}, {}});
  t.settle();
  CHECK(t.caller.code(next) == errc::invalid); // the node has learnt the limit
  CHECK(t.caller.seen.dials == 1);
}

TEST_CASE("amqp::outbound_calls: replies that make no sense end their call or nothing") {
  two_nodes t;
  t.rabbit.keeps_published = true;
  auto reply = [&](std::string_view type, std::string_view body) {
    auto token = t.call();
    auto p = t.rabbit.published.back().properties();
    std::string id{*p.correlation_id}, queue{*p.reply_to};
    t.rabbit.put(queue, {.correlation_id = id, .type = type}, body);
    t.settle();
    REQUIRE(t.caller.has_ended(token));
    return t.caller.code(token);
  };
  CHECK(reply("result", "garbage") == errc::undecodable);
  CHECK(reply("error", "garbage") == errc::undecodable);
  CHECK(reply("error", "\x80\x04K\x01.") == errc::undecodable);
  CHECK(reply("other", "\x80\x04K\x01.") == errc::undecodable);
  CHECK(reply("result", "cos\ngetcwd\n(tR.") == errc::undecodable);
  auto queue = std::string{*t.rabbit.published.back().properties().reply_to};
  t.rabbit.put(queue, {.correlation_id = "nobody", .type = "result"}, "x");
  t.rabbit.put(queue, {}, "x");
  t.settle();
  CHECK(t.caller.node().counts().unexpected_replies == 2);
  CHECK(t.caller.seen.dials == 1);
}

TEST_CASE("amqp::outbound_calls: a reply over the frame limit ends its call") {
  node_options options;
  options.limits.frame_bytes = 4096;
  fake_rabbitmq rabbit;
  linked_node caller{rabbit, registry{}, std::move(options)};
  linked_node callee{rabbit, one_function(), {}, 2};
  callee.settle();
  caller.settle();
  auto token = caller.call("mul");
  caller.settle();
  callee.settle();
  callee.answer(value{std::string(5000, 'x')});
  caller.settle();
  CHECK(caller.code(token) == errc::undecodable);
  CHECK(caller.ended.at(token).error().exceeded == limit::frame_bytes);
}

TEST_CASE("amqp::outbound_calls: a call that a full queue drops may have run") {
  two_nodes t;
  auto token = t.call();
  auto names = t.rabbit.queue_names();
  auto id = to_text(t.caller.keys.at(token));
  auto headers = encoded({{"x-first-death-reason", {std::string{"maxlen"}}}});
  for (const auto& name : names)
    if (name.starts_with("amq_"))
      t.rabbit.put(name, {.headers = headers, .correlation_id = id, .type = "call"}, "");
  t.settle();
  REQUIRE(t.caller.has_ended(token));
  CHECK(t.caller.code(token) == errc::maybe_executed);
  CHECK(t.caller.ended.at(token).error().message.find("is full") != std::string::npos);
}
