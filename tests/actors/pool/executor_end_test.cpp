// How a pool ends, and how its calls end then.
#include <doctest/doctest.h>

#include <latch>

#include "pool/executor_fixture.hpp"

using namespace patio;
using namespace patio::tests;

TEST_CASE("executor: a pool that shuts down answers the waiting calls, lets running functions end "
          "and admits no more calls") {
  with_each_pool([](spawner spawn) {
    on_demand later;
    test_system t;
    registry rpc;
    later.add_to(rpc);
    auto pool = spawn(t.system, rpc, {.workers = 2, .max_deferred = 2});
    std::vector<outcome> runs, waits;
    for (int i = 0; i < 2; ++i) runs.push_back(start(pool, "later"));
    later.await_started(2);
    for (int i = 0; i < 20; ++i) waits.push_back(start(pool, "later"));
    pool.shut_down();
    for (auto& o : waits) CHECK(error_of(std::move(o)).code == errc::shut_down);
    for (auto& o : runs) CHECK_FALSE(is_ready(o));
    for (int i = 0; i < 2; ++i) later.answer_one();
    for (auto& o : runs) CHECK(ended(o).value() == value{7});
    CHECK(error_of(start(pool, "later")).code == errc::shut_down);
  });
}

TEST_CASE("executor: a pool ends with its last handle, and answers the waiting calls") {
  with_each_pool([](spawner spawn) {
    on_demand later;
    test_system t;
    registry rpc;
    later.add_to(rpc);
    std::optional<executor> pool = spawn(t.system, rpc, {.workers = 1, .max_deferred = 1});
    auto runs = start(*pool, "later");
    later.await_started(1);
    auto waits = start(*pool, "later");
    pool.reset();
    CHECK(error_of(std::move(waits)).code == errc::shut_down);
    later.answer_one();
    CHECK(ended(runs));
  });
}

TEST_CASE(
  "executor: a function that runs longer than its pool and registry live keeps its captures") {
  test_system t;
  std::latch gate{1};
  std::promise<void> started;
  std::weak_ptr<int> watched;
  std::optional<executor> pool;
  {
    auto own = std::make_shared<int>(7);
    watched = own;
    registry rpc;
    rpc.add("long", [own, &gate, &started, &watched] {
      started.set_value();
      gate.wait();
      return watched.expired();
    });
    pool = spawn_thread_pool(t.system, rpc);
  }
  auto runs = start(*pool, "long");
  ended(started.get_future());
  pool.reset();
  CHECK_FALSE(watched.expired());
  gate.count_down();
  CHECK(ended(runs).value() == value{false});
}
