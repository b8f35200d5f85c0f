#include <doctest/doctest.h>

#include <patio/amqp/cancellation.hpp>

#include "amqp/linked_node.hpp"

using namespace patio;
using namespace patio::amqp;
using namespace patio::tests;
using namespace std::chrono_literals;

// A C++ server hears when nobody waits for a call any more.
namespace {

registry one_function() {
  registry rpc;
  rpc.add("mul", [](std::int64_t a, std::int64_t b) { return a * b; });
  return rpc;
}

struct two_nodes {
  fake_rabbitmq rabbit;
  linked_node caller{rabbit, registry{}, {}, 1};
  linked_node callee{rabbit, one_function(), {.prefetch = 1}, 2};
  two_nodes() { settle(); }
  void settle() {
    for (int i = 0; i < 4; ++i) {
      callee.settle();
      caller.settle();
    }
  }
  std::uint64_t call(value timeout = {}) {
    auto token = caller.call("mul", {{6, 7}, {}}, std::move(timeout));
    settle();
    return token;
  }
  void cancel(std::uint64_t token) {
    caller.node().cancel(caller.keys.at(token), caller.now);
    settle();
    CHECK(caller.code(token) == errc::cancelled);
  }
  void answer() {
    callee.answer(value{42});
    settle();
  }
  void require_alive() {
    auto token = call();
    REQUIRE(callee.started.size() == 1);
    answer();
    CHECK(caller.ended.at(token).value() == value{42});
    CHECK(rabbit.unacknowledged() == 0);
    CHECK(caller.seen.dials == 1);
    CHECK(callee.seen.dials == 1);
  }
};

} // namespace

TEST_CASE("amqp::cancellation: a cancelled call stops the function at its C++ server") {
  two_nodes t;
  auto token = t.call();
  REQUIRE(t.callee.started.size() == 1);
  CHECK_FALSE(t.callee.started[0].stop.stop_requested());
  t.cancel(token);
  CHECK(t.callee.started[0].stop.stop_requested());
  t.answer();
  t.require_alive();
}

TEST_CASE("amqp::cancellation: the caller's deadline stops the function at its C++ server") {
  two_nodes t;
  auto token = t.call(1);
  REQUIRE(t.callee.started.size() == 1);
  t.caller.advance(1s);
  t.settle();
  CHECK(t.caller.code(token) == errc::timeout);
  CHECK(t.callee.started[0].stop.stop_requested());
  t.answer();
  t.require_alive();
}

TEST_CASE("amqp::cancellation: a call that is cancelled in its queue does not run") {
  two_nodes t;
  (void)t.call();
  auto waiting = t.call();
  CHECK(t.rabbit.ready("mul") == 1);
  t.cancel(waiting);
  t.answer(); // the server takes the second call now
  CHECK(t.rabbit.ready("mul") == 0);
  CHECK(t.callee.started.empty());
  t.require_alive();
}

TEST_CASE("amqp::cancellation: a call that was not published is cancelled without a message") {
  two_nodes t;
  t.rabbit.set_blocked(true);
  t.settle();
  t.cancel(t.call());
  t.rabbit.set_blocked(false);
  t.settle();
  t.require_alive();
}

TEST_CASE("amqp::cancellation: a user who may not publish to the exchange still calls") {
  two_nodes t;
  t.rabbit.forbids_exchange = true;
  for (int i = 0; i < 3; ++i) {
    auto token = t.call();
    t.cancel(token);
    CHECK_FALSE(t.callee.started.at(0).stop.stop_requested());
    t.answer();
  }
  t.require_alive();
}

TEST_CASE("amqp::cancellation: only nodes that serve receive cancellations") {
  two_nodes t;
  linked_node other{t.rabbit, registry{}, {}, 3};
  other.settle();
  auto token = t.call();
  t.cancel(token);
  other.settle();
  CHECK(t.rabbit.cancellable() == 1);
}

TEST_CASE("amqp::cancelled_calls: the newest are kept, and each is taken once") {
  cancelled_calls all;
  for (std::uint64_t i = 0; i < cancelled_calls::max_size + 2; ++i) all.add({i, i});
  CHECK_FALSE(all.take({1, 1}));
  CHECK(all.take({2, 2}));
  CHECK_FALSE(all.take({2, 2}));
  CHECK(all.take({cancelled_calls::max_size + 1, cancelled_calls::max_size + 1}));
}
