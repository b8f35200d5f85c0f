// Stopped calls in an executor. Their results are no longer needed, because the caller has
// cancelled the call or the connection is lost.
#include <condition_variable>
#include <mutex>

#include "pool/executor_fixture.hpp"

using namespace patio;
using namespace patio::tests;

TEST_CASE("executor: a stopped task never starts, and it is the first to leave a full queue") {
  with_each_pool([](spawner spawn) {
    gate occupied;
    test_system t;
    std::atomic<int> ran{0};
    registry rpc;
    occupied.add_to(rpc);
    rpc.add("count", [&ran] { ++ran; });
    auto pool = spawn(t.system, rpc, {.workers = 1, .queue_per_worker = 2});
    auto occupies = start(pool, "gate");
    occupied.await_started();
    std::stop_source cancelled, kept;
    auto stopped = start(pool, "count", {}, never, cancelled.get_token());
    auto waiting = start(pool, "count", {}, never, kept.get_token());
    cancelled.request_stop();
    auto takes_its_place = start(pool, "count", {}, never, kept.get_token());
    CHECK(error_of(std::move(stopped)).code == errc::cancelled);
    CHECK(error_of(start(pool, "count", {}, never, kept.get_token())).code == errc::overloaded);
    occupied.open();
    CHECK(ended(waiting));
    CHECK(ended(takes_its_place));
    CHECK(ended(occupies));
    CHECK(ran == 2);
  });
}

TEST_CASE("executor: a task that is stopped while it waits is dropped at once") {
  with_each_pool([](spawner spawn) {
    gate occupied;
    test_system t;
    registry rpc;
    occupied.add_to(rpc);
    rpc.add("later", [](reply_to<std::int64_t> answer) { answer.answer(1); });
    auto pool = spawn(t.system, rpc, {.workers = 1});
    auto occupies = start(pool, "gate");
    occupied.await_started();
    for (const auto* name : {"gate", "later"}) {
      std::stop_source cancelled;
      auto stopped = start(pool, name, {}, never, cancelled.get_token());
      cancelled.request_stop();
      // The answer comes while the only worker is still occupied.
      CHECK(error_of(std::move(stopped)).code == errc::cancelled);
    }
    occupied.open();
    CHECK(ended(occupies));
  });
}

TEST_CASE("executor: a function that runs on after a stop does not hold up the next task") {
  with_each_pool([](spawner spawn) {
    gate stuck;
    test_system t;
    registry rpc;
    stuck.add_to(rpc);
    rpc.add("next", [] { return 1; });
    auto pool = spawn(t.system, rpc, {.workers = 1});
    std::stop_source cancelled;
    auto stays = start(pool, "gate", {}, never, cancelled.get_token());
    stuck.await_started();
    auto waits = start(pool, "next");
    CHECK_FALSE(is_ready(waits));
    cancelled.request_stop();
    CHECK(ended(waits).value() == value{1});
    CHECK_FALSE(is_ready(stays));
    stuck.open();
    CHECK(ended(stays));
    CHECK(ended(start(pool, "next")).value() == value{1});
  });
}

TEST_CASE("executor: a function that takes a stop token is told to stop") {
  with_each_pool([](spawner spawn) {
    test_system t;
    std::promise<void> began;
    registry rpc;
    rpc.add("obedient", [&began](std::stop_token stop, std::int64_t n) {
      std::mutex m;
      std::condition_variable_any woken;
      std::unique_lock lock{m};
      began.set_value();
      woken.wait(lock, stop, [] { return false; });
      return n;
    });
    auto pool = spawn(t.system, rpc, {.workers = 1});
    std::stop_source cancelled;
    auto answer = start(pool, "obedient", {5}, never, cancelled.get_token());
    began.get_future().wait();
    cancelled.request_stop();
    CHECK(ended(answer).value() == value{5});
    CHECK(raised(error_of(start(pool, "obedient", {}))) == "builtins.TypeError");
  });
}
