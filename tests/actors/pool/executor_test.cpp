// Executors on their own, without a broker. Nothing here waits for time to pass: what runs at once
// is shown by functions that meet, and what does not run by others that come after it.
#include <doctest/doctest.h>

#include <barrier>
#include <latch>
#include <semaphore>
#include <set>
#include <thread>

#include "pool/executor_fixture.hpp"

using namespace patio;
using namespace patio::tests;

namespace {

/// Ends only where `n` calls of it run at once.
void add_meeting(registry& rpc, std::barrier<>& place) {
  rpc.add("meet", [&place] { place.arrive_and_wait(); });
}

void check_that_n_run_at_once(const executor& pool, std::size_t n) {
  std::vector<outcome> all;
  for (std::size_t i = 0; i < n; ++i) all.push_back(start(pool, "meet"));
  for (auto& o : all) CHECK(ended(o));
}

} // namespace

TEST_CASE("executor: of functions that answer later no more begin than may, and the others wait") {
  with_each_pool([](spawner spawn) {
    on_demand later;
    running r;
    registry rpc;
    later.add_to(rpc);
    auto pool = spawn(r.system, rpc, {.workers = 3, .deferred = 3});
    std::vector<outcome> all;
    for (int i = 0; i < 10; ++i) all.push_back(start(pool, "later"));
    for (int answered = 0; answered < 10; ++answered) {
      auto most = static_cast<std::size_t>(std::min(3, 10 - answered));
      later.await_started(most); // each answer lets one more begin
      CHECK(later.started() == most);
      later.answer_one();
    }
    for (auto& o : all) CHECK(ended(o).value() == value{7});
  });
}

TEST_CASE(
  "executor: blocking functions run N at once and never more, each on a thread of its own") {
  running r;
  constexpr int workers = 6;
  std::barrier meeting{workers};
  std::atomic<int> inside{0}, most{0};
  registry rpc;
  rpc.add("block", [&] {
    auto now = ++inside;
    for (auto seen = most.load(); seen < now && !most.compare_exchange_weak(seen, now);) {}
    meeting.arrive_and_wait();
    --inside;
    meeting.arrive_and_wait(); // nobody enters before all have left
    std::ostringstream id;
    id << std::this_thread::get_id();
    return id.str();
  });
  auto pool = spawn_thread_pool(r.system, rpc, {.workers = workers});
  std::vector<outcome> all;
  for (int i = 0; i < 10 * workers; ++i) all.push_back(start(pool, "block"));
  std::set<std::string> threads;
  for (auto& o : all) threads.emplace(ended(o).value().text());
  CHECK(most == workers);
  CHECK(threads.size() == workers);
}

TEST_CASE("executor: a thread pool full of blocked functions leaves the scheduler to others") {
  running r;
  constexpr int more_than_the_scheduler_has = 40;
  std::latch gate{1};
  std::counting_semaphore<> started{0};
  registry blocking, quick;
  blocking.add("block", [&] { started.release(), gate.wait(); });
  quick.add("two", [] { return 2; });
  auto threads = spawn_thread_pool(r.system, blocking, {.workers = more_than_the_scheduler_has});
  auto shared = spawn_async_pool(r.system, quick);
  std::vector<outcome> blocked;
  for (int i = 0; i < more_than_the_scheduler_has; ++i) blocked.push_back(start(threads, "block"));
  for (int i = 0; i < more_than_the_scheduler_has; ++i) REQUIRE(started.try_acquire_for(patience));
  for (int i = 0; i < 100; ++i) CHECK(ended(start(shared, "two")).value() == value{2});
  gate.count_down();
  for (auto& o : blocked) CHECK(ended(o));
}

TEST_CASE(
  "executor: one more than the queue holds is refused at once, while the others go on waiting") {
  with_each_pool([](spawner spawn) {
    on_demand later;
    running r;
    registry rpc;
    later.add_to(rpc);
    auto pool = spawn(r.system, rpc, {.workers = 2, .queue_per_worker = 3, .deferred = 2});
    std::vector<outcome> taken;
    for (int i = 0; i < 2 + 6; ++i) taken.push_back(start(pool, "later"));
    later.await_started(2);
    for (int i = 0; i < 5; ++i) {
      auto why = error_of(start(pool, "later"));
      CHECK(why.code == errc::overloaded);
      CHECK(why.message == "6 calls wait for a worker");
    }
    for (const auto& o : taken) CHECK_FALSE(is_ready(o));
    for (std::size_t i = 8; i > 0; --i) {
      later.await_started(std::min<std::size_t>(i, 2));
      later.answer_one();
    }
    for (auto& o : taken) CHECK(ended(o));
  });
}

TEST_CASE("executor: whoever has many waiting makes room in a full queue for who has none, and "
          "each of them has its turn") {
  with_each_pool([](spawner spawn) {
    on_demand later;
    running r;
    registry rpc;
    later.add_to(rpc);
    auto pool = spawn(r.system, rpc, {.workers = 1, .queue_per_worker = 3, .deferred = 1});
    auto ask = [&](std::uint64_t connection) {
      return start(pool, "later", {}, never, {}, {1, connection});
    };
    std::vector<outcome> crowd;
    for (int i = 0; i < 4; ++i) crowd.push_back(ask(1)); // one runs
    auto single = ask(2);
    CHECK(error_of(std::move(crowd.back())).code == errc::overloaded);
    crowd.pop_back();
    CHECK(error_of(ask(1)).code == errc::overloaded);
    auto answer_next = [&](outcome& of) {
      later.await_started(1);
      later.answer_one();
      CHECK(ended(of));
    };
    answer_next(crowd.at(0));
    answer_next(crowd.at(1));
    answer_next(single); // before the third of the crowd
    CHECK_FALSE(is_ready(crowd.at(2)));
    answer_next(crowd.at(2));
  });
}

namespace {

struct untold {}; // neither derived from std::exception nor known to anybody

struct grumpy {
  int number;
};

} // namespace

template <>
struct patio::converter<grumpy> {
  static std::string name() { return "grumpy"; }
  static value to(const grumpy&) { throw std::runtime_error{"no conversion today"}; }
  static result<grumpy> from(const value&) { throw std::runtime_error{"no conversion today"}; }
};

TEST_CASE("executor: a thousand exceptions of each type cost the pool nothing") {
  with_each_pool([](spawner spawn) {
    running r;
    constexpr std::size_t workers = 3;
    std::barrier meeting{static_cast<std::ptrdiff_t>(workers)};
    registry rpc;
    add_meeting(rpc, meeting);
    rpc.add("std", [] { throw std::runtime_error{"broken"}; });
    rpc.add("int", [] { throw 7; });
    rpc.add("python", [] { throw python_error{"KeyError", {"zz"}}; });
    rpc.add("unknown", [] { throw untold{}; });
    rpc.add("deferred",
            [](reply_to<std::int64_t>) { throw std::runtime_error{"before the answer"}; });
    rpc.add("actor", [](caf::event_based_actor*) -> caf::result<std::int64_t> {
      throw std::runtime_error{"in an actor"};
    });
    rpc.add("argument", [](grumpy) {});
    rpc.add("result", [] { return grumpy{1}; });
    auto pool = spawn(r.system, rpc, {.workers = workers, .queue_per_worker = 10'000});
    for (std::string name :
         {"std", "int", "python", "unknown", "deferred", "actor", "argument", "result"}) {
      CAPTURE(name);
      std::vector<outcome> all;
      auto args = name == "argument" ? std::vector<value>{1} : std::vector<value>{};
      for (int i = 0; i < 1000; ++i) all.push_back(start(pool, name, args));
      std::size_t right = 0;
      for (auto& o : all)
        right += raised(error_of(std::move(o)))
                 == (name == "python" ? "builtins.KeyError" : "builtins.RuntimeError");
      CHECK(right == 1000);
    }
    check_that_n_run_at_once(pool, workers);
  });
}

TEST_CASE("executor: a duty to answer that is dropped is an error, and frees the worker") {
  with_each_pool([](spawner spawn) {
    running r;
    registry rpc;
    rpc.add("forget", [](reply_to<std::int64_t>) {});
    auto pool = spawn(r.system, rpc, {.workers = 1, .deferred = 1});
    for (int i = 0; i < 10; ++i)
      CHECK(to_string(error_of(start(pool, "forget")))
            == "RuntimeError: the function was dropped without an answer");
  });
}

TEST_CASE("executor: a task whose time has passed while it waited is never started") {
  with_each_pool([](spawner spawn) {
    gate occupied;
    running r;
    std::atomic<bool> ran{false};
    registry rpc;
    occupied.add_to(rpc);
    rpc.add("late", [&ran] { ran = true; });
    auto pool = spawn(r.system, rpc, {.workers = 1});
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

TEST_CASE("executor: a pool that shuts down tells whoever waits, lets running functions end, and "
          "takes no more") {
  with_each_pool([](spawner spawn) {
    on_demand later;
    running r;
    registry rpc;
    later.add_to(rpc);
    auto pool = spawn(r.system, rpc, {.workers = 2, .deferred = 2});
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

TEST_CASE("executor: a pool ends with its last handle, and answers what waits") {
  with_each_pool([](spawner spawn) {
    on_demand later;
    running r;
    registry rpc;
    later.add_to(rpc);
    std::optional<executor> pool = spawn(r.system, rpc, {.workers = 1, .deferred = 1});
    auto runs = start(*pool, "later");
    later.await_started(1);
    auto waits = start(*pool, "later");
    pool.reset();
    CHECK(error_of(std::move(waits)).code == errc::shut_down);
    later.answer_one();
    CHECK(ended(runs));
  });
}

TEST_CASE("executor: a function that runs longer than its pool and its registry live keeps what it "
          "has captured") {
  running r;
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
    pool = spawn_thread_pool(r.system, rpc);
  }
  auto runs = start(*pool, "long");
  ended(started.get_future());
  pool.reset();
  CHECK_FALSE(watched.expired());
  gate.count_down();
  CHECK(ended(runs).value() == value{false});
}

TEST_CASE("executor: the null executor runs and announces nothing, whatever its registry holds") {
  registry rpc;
  rpc.add("two", [] { return 2; });
  auto none = null_executor(rpc);
  CHECK(none.functions().names().empty());
  std::promise<result<value>> promise;
  none.run({rpc.find("two"), {}, never, reply{[&promise](result<value> r) {
              promise.set_value(std::move(r));
            }}});
  CHECK(error_of(promise.get_future()).code == errc::shut_down);
  none.shut_down();
}

TEST_CASE("executor: a worker killed by an actor it has asked is replaced; its call ends, and no "
          "other suffers") {
  with_each_pool([](spawner spawn) {
    running r;
    constexpr std::size_t workers = 3;
    std::barrier meeting{static_cast<std::ptrdiff_t>(workers)};
    using murderer = caf::typed_actor<caf::replies_to<std::int64_t>::with<std::int64_t>>;
    murderer killer = r.system.spawn([](murderer::pointer self) -> murderer::behavior_type {
      return {[self](std::int64_t) -> caf::result<std::int64_t> {
        caf::anon_send_exit(caf::actor_cast<caf::actor>(self->current_sender()),
                            caf::exit_reason::kill);
        self->make_response_promise(); // and no answer
        return caf::delegated<std::int64_t>{};
      }};
    });
    registry rpc;
    add_meeting(rpc, meeting);
    rpc.add("murder", killer);
    rpc.add("two", [] { return 2; });
    auto pool = spawn(r.system, rpc, {.workers = workers, .queue_per_worker = 1000});
    std::vector<outcome> murders, innocents;
    for (int i = 0; i < 200; ++i) {
      murders.push_back(start(pool, "murder", {1}));
      innocents.push_back(start(pool, "two"));
    }
    for (auto& o : murders) CHECK_FALSE(ended(o));
    for (auto& o : innocents) CHECK(ended(o).value_or(value{}) == value{2});
    check_that_n_run_at_once(pool, workers);
  });
}

TEST_CASE("executor: messages that are not for it do a pool and its workers no harm") {
  running r;
  std::promise<caf::actor> worker;
  using asked = caf::typed_actor<caf::replies_to<std::int64_t>::with<std::int64_t>>;
  asked curious = r.system.spawn([&worker](asked::pointer self) -> asked::behavior_type {
    return {[self, &worker](std::int64_t x) {
      if (x == 0) worker.set_value(caf::actor_cast<caf::actor>(self->current_sender()));
      return x;
    }};
  });
  registry rpc;
  rpc.add("ask", curious);
  auto pool = spawn_async_pool(r.system, rpc, {.workers = 1, .deferred = 1});
  CHECK(ended(start(pool, "ask", {0})));
  for (const auto& victim : {pool.pool(), worker.get_future().get()}) {
    caf::anon_send(victim, "text", 1, 2.5);
    caf::anon_send(victim, caf::make_error(caf::sec::runtime_error));
    caf::anon_send(victim, caf::down_msg{curious.address(), caf::exit_reason::kill});
    caf::anon_send(victim, caf::exit_msg{curious.address(), caf::exit_reason::normal});
  }
  CHECK(ended(start(pool, "ask", {5})).value() == value{5});
}
