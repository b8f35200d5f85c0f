// Nested calls, back and forth between two nodes with one worker each. A call that waits for
// another call must not block its worker, or the nodes would deadlock.
#include <doctest/doctest.h>

#include "nodes.hpp"

using namespace patio;
using namespace patio::tests;

namespace {

constexpr std::int64_t depth = 50;

/// Holds the broker that functions call through, once the broker exists.
using slot = std::shared_ptr<std::optional<tcp_broker_actor>>;

registry blocking_recursion(const slot& own) {
  registry rpc;
  rpc.add("down", [own](std::int64_t n) -> std::int64_t {
    return n == 0 ? 0 : 1 + call<std::int64_t>(**own, "down", n - 1).get();
  });
  return rpc;
}

registry deferred_recursion(const slot& own) {
  registry rpc;
  rpc.add("down", [own](reply_to<std::int64_t> answer, std::int64_t n) {
    if (n == 0) return answer.answer(0);
    auto later = std::make_shared<reply_to<std::int64_t>>(std::move(answer));
    call_async(**own, {"down", {{value{n - 1}}, {}}, {}}, {}, [later](result<value> r) {
      if (r) later->answer(1 + *r->as_int64());
      else later->fail(std::move(r.error()));
    });
  });
  return rpc;
}

/// One node of a pair, with a single worker.
struct side {
  slot own = std::make_shared<std::optional<tcp_broker_actor>>();
  system_config config;
  caf::actor_system system{config};
  executor pool;
  tcp_broker_actor broker;

  side(registry (*functions)(const slot&),
       executor (*spawn)(caf::actor_system&, const registry&, pool_options), pool_options options)
      : pool{spawn(system, functions(own), options)}, broker{spawn_tcp_broker(system, pool)} {
    *own = broker;
  }
  ~side() {
    shut_down(broker);
    own->reset(); // the functions hold the slot, and so the broker
  }
};

/// Calls from node a to node b, from there back to a, and so on.
std::int64_t recurse(registry (*functions)(const slot&),
                     executor (*spawn)(caf::actor_system&, const registry&, pool_options)) {
  side a{functions, spawn, {.workers = 1}}, b{functions, spawn, {.workers = 1}};
  auto where = listen(a.broker, "127.0.0.1:0").value();
  REQUIRE(ended(connect(b.broker, where)));
  return ended(call<std::int64_t>(a.broker, "down", depth));
}

} // namespace

TEST_CASE("nested calls: blocking functions nest 50 deep with one worker on each side") {
  CHECK(recurse(blocking_recursion, spawn_thread_pool) == depth);
}

TEST_CASE("nested calls: functions that answer later nest 50 deep with one worker on each side") {
  SUBCASE("async pool") { CHECK(recurse(deferred_recursion, spawn_async_pool) == depth); }
  SUBCASE("thread pool") { CHECK(recurse(deferred_recursion, spawn_thread_pool) == depth); }
}

TEST_CASE(
  "nested calls: waiting in the async pool is refused, as it could block every thread there") {
  side a{blocking_recursion, spawn_async_pool, {.workers = 1}},
    b{blocking_recursion, spawn_async_pool, {.workers = 1}};
  auto where = listen(a.broker, "127.0.0.1:0").value();
  REQUIRE(ended(connect(b.broker, where)));
  auto refusal = failure(call<std::int64_t>(a.broker, "down", 1));
  CHECK(to_string(refusal).find("patio::reply_to<R>") != std::string::npos);
  CHECK(ended(call<std::int64_t>(a.broker, "down", 0)) == 0);
}

TEST_CASE("nested calls: a call that nests deeper than max_blocked is refused, and no call hangs") {
  auto few = pool_options{.workers = 1, .max_blocked = 4};
  side a{blocking_recursion, spawn_thread_pool, few}, b{blocking_recursion, spawn_thread_pool, few};
  auto where = listen(a.broker, "127.0.0.1:0").value();
  REQUIRE(ended(connect(b.broker, where)));
  CHECK(ended(call<std::int64_t>(a.broker, "down", 8)) == 8);
  CHECK(
    to_string(failure(call<std::int64_t>(a.broker, "down", depth))).find("4 functions are blocked")
    != std::string::npos);
  CHECK(ended(call<std::int64_t>(a.broker, "down", 8)) == 8);
}
