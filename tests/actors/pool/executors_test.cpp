// Several executors behind one broker, and the options of functions that brokers keep.
#include <doctest/doctest.h>

#include <latch>
#include <semaphore>
#include <thread>

#include "nodes.hpp"

using namespace patio;
using namespace patio::tests;
using namespace std::chrono_literals;

namespace {

struct node {
  system_config config;
  caf::actor_system system{config};
  registry rpc;

  executor pool(pool_options options = {}) { return spawn_thread_pool(system, rpc, options); }
};

/// Spawns a broker of each kind and passes it to the test. A TCP broker is called by another.
template <class F>
void with_each_broker(node& n, const executors& run_in, F test) {
  SUBCASE("memory broker") { test(broker_actor{spawn_memory_broker(n.system, run_in)}); }
  SUBCASE("TCP broker") {
    owned_broker server{spawn_tcp_broker(n.system, run_in, {.key = "k"})};
    owned_broker client{spawn_tcp_broker(n.system, null_executor(), {.key = "k"})};
    auto where = listen(server, "127.0.0.1:0").value();
    REQUIRE(connect(client, where).get());
    test(broker_actor{client});
  }
}

/// Returns the message of the std::invalid_argument that both kinds of brokers throw.
std::string refusal(node& n, const executors& run_in) {
  std::string first, second;
  try {
    (void)spawn_memory_broker(n.system, run_in);
  } catch (const std::invalid_argument& e) {
    first = e.what();
  }
  try {
    (void)spawn_tcp_broker(n.system, run_in, {.key = "k"});
  } catch (const std::invalid_argument& e) {
    second = e.what();
  }
  CHECK(first == second);
  return first;
}

} // namespace

TEST_CASE("executors: a function runs in the executor that it names, even if the default is full") {
  node n;
  std::latch gate{1};
  std::binary_semaphore started{0};
  n.rpc.add("block", [&] {
    started.release();
    gate.wait();
  });
  n.rpc.add("heavy", [] { return 1; }, {.executor = "heavy"});
  executors run_in{n.pool({.workers = 1}), {{"heavy", n.pool({.workers = 1})}}};
  with_each_broker(n, run_in, [&](const broker_actor& b) {
    auto blocked = call(b, "block");
    REQUIRE(started.try_acquire_for(patience));
    CHECK(ended(call<std::int64_t>(b, "heavy")) == 1);
    gate.count_down();
    (void)ended(std::move(blocked));
  });
}

TEST_CASE("executors: a name that does not exist is refused, with the function and the names") {
  node n;
  n.rpc.add("burn", [] {}, {.executor = "havey"});
  CHECK(refusal(n, n.pool())
        == "the function 'burn' names the executor 'havey', which does not exist; the broker has "
           "only its default executor");
  CHECK(refusal(n, {n.pool(), {{"heavy", n.pool()}, {"io", n.pool()}}})
        == "the function 'burn' names the executor 'havey', which does not exist; besides its "
           "default executor, the broker has 'heavy', 'io'");
  CHECK_FALSE(n.rpc.is_locked());
}

TEST_CASE("executors: an executor without a name or of another registry is refused") {
  node n;
  CHECK(refusal(n, {n.pool(), {{"", n.pool()}}}) == "the name of an executor must not be empty");
  CHECK(refusal(n, {n.pool(), {{"heavy", spawn_async_pool(n.system, registry{})}}})
        == "the executor 'heavy' must run functions of the same registry as the default executor, "
           "but has another registry");
}

TEST_CASE("executors: the timeout of a function ends a call without a timeout") {
  node n;
  std::binary_semaphore stopped{0};
  n.rpc.add("hang",
            [&](std::stop_token stop) {
              std::stop_callback on_stop{stop, [&] { stopped.release(); }};
              REQUIRE(stopped.try_acquire_for(patience));
            },
            {.timeout = 1ms});
  with_each_broker(n, n.pool(), [](const broker_actor& b) {
    CHECK(failure(call(b, "hang")).code == errc::timeout);
  });
}

TEST_CASE("executors: a caller's shorter timeout still applies") {
  node n;
  std::binary_semaphore stopped{0};
  n.rpc.add("hang",
            [&](std::stop_token stop) {
              std::stop_callback on_stop{stop, [&] { stopped.release(); }};
              REQUIRE(stopped.try_acquire_for(patience));
            },
            {.timeout = 1h});
  with_each_broker(n, n.pool(), [](const broker_actor& b) {
    CHECK(failure(call(b, {"hang", {.timeout = 1ms}})).code == errc::timeout);
  });
}
