// Executors without a broker: how many functions run at once, and which calls wait or are refused.
// No test sleeps. Functions that wait for each other show which calls run at once, and later
// functions show which calls did not run.
#include <doctest/doctest.h>

#include <atomic>
#include <latch>
#include <set>
#include <thread>

#include "pool/executor_fixture.hpp"

using namespace patio;
using namespace patio::tests;

TEST_CASE(
  "executor: no more than max_deferred functions that answer later begin, and the others wait") {
  with_each_pool([](spawner spawn) {
    on_demand later;
    test_system t;
    registry rpc;
    later.add_to(rpc);
    auto pool = spawn(t.system, rpc, {.workers = 3, .max_deferred = 3});
    std::vector<outcome> all;
    for (int i = 0; i < 10; ++i) all.push_back(start(pool, "later"));
    for (int answered = 0; answered < 10; ++answered) {
      auto expected = static_cast<std::size_t>(std::min(3, 10 - answered));
      later.await_started(expected); // each answer lets another call begin
      CHECK(later.started() == expected);
      later.answer_one();
    }
    for (auto& o : all) CHECK(ended(o).value() == value{7});
  });
}

TEST_CASE("executor: in a thread pool of N workers at most N blocking functions run at once, each "
          "on its own thread") {
  test_system t;
  constexpr int workers = 6;
  std::barrier meeting{workers};
  std::atomic<int> inside{0}, highest{0};
  registry rpc;
  rpc.add("block", [&] {
    auto now = ++inside;
    for (auto seen = highest.load(); seen < now && !highest.compare_exchange_weak(seen, now);) {}
    meeting.arrive_and_wait();
    --inside;
    meeting.arrive_and_wait(); // no call enters before all have left
    std::ostringstream id;
    id << std::this_thread::get_id();
    return id.str();
  });
  auto pool = spawn_thread_pool(t.system, rpc, {.workers = workers});
  std::vector<outcome> all;
  for (int i = 0; i < 10 * workers; ++i) all.push_back(start(pool, "block"));
  std::set<std::string> threads;
  for (auto& o : all) threads.emplace(ended(o).value().text());
  CHECK(highest == workers);
  CHECK(threads.size() == workers);
}

TEST_CASE(
  "executor: a thread pool full of blocked functions leaves the scheduler's threads to others") {
  test_system t;
  constexpr int more_than_the_scheduler_has = 40;
  std::latch gate{1};
  std::counting_semaphore<> started{0};
  registry blocking, quick;
  blocking.add("block", [&] {
    started.release();
    gate.wait();
  });
  quick.add("two", [] { return 2; });
  auto threads = spawn_thread_pool(t.system, blocking, {.workers = more_than_the_scheduler_has});
  auto shared = spawn_async_pool(t.system, quick);
  std::vector<outcome> blocked;
  for (int i = 0; i < more_than_the_scheduler_has; ++i) blocked.push_back(start(threads, "block"));
  for (int i = 0; i < more_than_the_scheduler_has; ++i) REQUIRE(started.try_acquire_for(patience));
  for (int i = 0; i < 100; ++i) CHECK(ended(start(shared, "two")).value() == value{2});
  gate.count_down();
  for (auto& o : blocked) CHECK(ended(o));
}

TEST_CASE("executor: a call is refused at once if the queue is full, and the waiting calls stay in "
          "the queue") {
  with_each_pool([](spawner spawn) {
    on_demand later;
    test_system t;
    registry rpc;
    later.add_to(rpc);
    auto pool = spawn(t.system, rpc, {.workers = 2, .queue_per_worker = 3, .max_deferred = 2});
    std::vector<outcome> admitted;
    for (int i = 0; i < 2 + 6; ++i) admitted.push_back(start(pool, "later"));
    later.await_started(2);
    for (int i = 0; i < 5; ++i) {
      auto refusal = error_of(start(pool, "later"));
      CHECK(refusal.code == errc::overloaded);
      CHECK(refusal.message == "6 calls wait for a worker");
    }
    for (const auto& o : admitted) CHECK_FALSE(is_ready(o));
    for (std::size_t i = 8; i > 0; --i) {
      later.await_started(std::min<std::size_t>(i, 2));
      later.answer_one();
    }
    for (auto& o : admitted) CHECK(ended(o));
  });
}

TEST_CASE(
  "executor: a full queue makes room for a caller that has no call there, and callers take turns") {
  with_each_pool([](spawner spawn) {
    on_demand later;
    test_system t;
    registry rpc;
    later.add_to(rpc);
    auto pool = spawn(t.system, rpc, {.workers = 1, .queue_per_worker = 3, .max_deferred = 1});
    auto ask = [&](std::uint64_t connection) {
      return start(pool, "later", {}, never, {}, {1, connection});
    };
    std::vector<outcome> many;
    for (int i = 0; i < 4; ++i) many.push_back(ask(1)); // one call runs, and three calls wait
    auto single = ask(2);
    CHECK(error_of(std::move(many.back())).code == errc::overloaded);
    many.pop_back();
    CHECK(error_of(ask(1)).code == errc::overloaded);
    auto answer_next = [&](outcome& o) {
      later.await_started(1);
      later.answer_one();
      CHECK(ended(o));
    };
    answer_next(many.at(0));
    answer_next(many.at(1));
    answer_next(single); // before the third of the four
    CHECK_FALSE(is_ready(many.at(2)));
    answer_next(many.at(2));
  });
}

TEST_CASE("executor: a task whose deadline passes while it waits never starts") {
  with_each_pool([](spawner spawn) {
    gate occupied;
    test_system t;
    std::atomic<bool> ran{false};
    registry rpc;
    occupied.add_to(rpc);
    rpc.add("late", [&ran] { ran = true; });
    auto pool = spawn(t.system, rpc, {.workers = 1});
    auto occupies = start(pool, "gate");
    occupied.await_started();
    auto deadline = clock_now() + std::chrono::milliseconds{1};
    auto late = start(pool, "late", {}, deadline);
    CHECK_FALSE(is_ready(late));
    while (clock_now() <= deadline) {}
    occupied.open();
    CHECK(error_of(std::move(late)).code == errc::timeout);
    CHECK(ended(occupies));
    CHECK_FALSE(ran);
  });
}

TEST_CASE("executor: the null executor runs no functions and announces no names, whatever its "
          "registry holds") {
  registry rpc;
  rpc.add("two", [] { return 2; });
  auto none = null_executor(rpc);
  CHECK(none.functions().names().empty());
  std::promise<result<value>> promise;
  reply answer{[&promise](result<value> r) { promise.set_value(std::move(r)); }};
  none.run(make_task(rpc.find("two"), {}, never, std::move(answer)));
  CHECK(error_of(promise.get_future()).code == errc::shut_down);
  none.shut_down();
}
