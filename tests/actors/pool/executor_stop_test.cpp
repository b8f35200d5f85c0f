// Calls that nobody waits for any more, in an executor: given up by the caller, or with its
// connection.
#include <condition_variable>
#include <mutex>

#include "pool/executor_fixture.hpp"

using namespace patio;
using namespace patio::tests;

TEST_CASE("executor: a task that nobody waits for any more is never started, and leaves the full "
          "queue first") {
  with_each_pool([](spawner spawn) {
    gate occupied;
    running r;
    std::atomic<int> ran{0};
    registry rpc;
    occupied.add_to(rpc);
    rpc.add("count", [&ran] { ++ran; });
    auto pool = spawn(r.system, rpc, {.workers = 1, .queue_per_worker = 2});
    auto occupies = start(pool, "gate");
    occupied.await_started();
    std::stop_source given_up, waited_for;
    auto unwanted = start(pool, "count", {}, never, given_up.get_token());
    auto wanted = start(pool, "count", {}, never, waited_for.get_token());
    given_up.request_stop();
    auto takes_its_place = start(pool, "count", {}, never, waited_for.get_token());
    CHECK(error_of(std::move(unwanted)).code == errc::cancelled);
    CHECK(error_of(start(pool, "count", {}, never, waited_for.get_token())).code
          == errc::overloaded);
    occupied.open();
    CHECK(ended(wanted));
    CHECK(ended(takes_its_place));
    CHECK(ended(occupies));
    CHECK(ran == 2);
  });
}

TEST_CASE("executor: what waits and is over is let go of at once, with all that it holds") {
  with_each_pool([](spawner spawn) {
    gate occupied;
    running r;
    registry rpc;
    occupied.add_to(rpc);
    rpc.add("later", [](reply_to<std::int64_t> to) { to.answer(1); });
    auto pool = spawn(r.system, rpc, {.workers = 1});
    auto occupies = start(pool, "gate");
    occupied.await_started();
    for (const auto* name : {"gate", "later"}) {
      std::stop_source given_up;
      auto unwanted = start(pool, name, {}, never, given_up.get_token());
      given_up.request_stop();
      CHECK(error_of(std::move(unwanted)).code
            == errc::cancelled); // while its worker still runs another
    }
    occupied.open();
    CHECK(ended(occupies));
  });
}

TEST_CASE(
  "executor: a function that goes on though nobody waits for it loses its place to the next") {
  with_each_pool([](spawner spawn) {
    gate stuck;
    running r;
    registry rpc;
    stuck.add_to(rpc);
    rpc.add("next", [] { return 1; });
    auto pool = spawn(r.system, rpc, {.workers = 1});
    std::stop_source given_up;
    auto stays = start(pool, "gate", {}, never, given_up.get_token());
    stuck.await_started();
    auto waits = start(pool, "next");
    CHECK_FALSE(is_ready(waits));
    given_up.request_stop();
    CHECK(ended(waits).value() == value{1});
    CHECK_FALSE(is_ready(stays));
    stuck.open();
    CHECK(ended(stays));
    CHECK(ended(start(pool, "next")).value() == value{1});
  });
}

TEST_CASE("executor: a function can ask whether anybody still waits for it") {
  with_each_pool([](spawner spawn) {
    running r;
    std::promise<void> began;
    registry rpc;
    rpc.add("obedient", [&began](std::stop_token over, std::int64_t n) {
      std::mutex m;
      std::condition_variable_any stopped;
      std::unique_lock lock{m};
      began.set_value();
      stopped.wait(lock, over, [] { return false; });
      return n;
    });
    auto pool = spawn(r.system, rpc, {.workers = 1});
    std::stop_source given_up;
    auto answer = start(pool, "obedient", {5}, never, given_up.get_token());
    began.get_future().wait();
    given_up.request_stop();
    CHECK(ended(answer).value() == value{5});
    CHECK(raised(error_of(start(pool, "obedient", {}))) == "builtins.TypeError");
  });
}
