// Supervised actors behind one handle. The restart policy alone is in supervision_test.cpp.
#include <doctest/doctest.h>

#include <algorithm>
#include <barrier>
#include <mutex>
#include <random>
#include <semaphore>

#include <patio/actors/caf/callback_actor.hpp>
#include <patio/actors/caf/ticker.hpp>

#include "nodes.hpp"
#include "seed.hpp"

using namespace patio;
using namespace patio::tests;
using namespace std::chrono_literals;

namespace {

using twice_atom = caf::atom_constant<caf::atom("twice")>;
using meet_atom = caf::atom_constant<caf::atom("meet")>;
using throw_atom = caf::atom_constant<caf::atom("throw")>;
using drop_atom = caf::atom_constant<caf::atom("drop")>;
using fail_atom = caf::atom_constant<caf::atom("fail")>;
using hold_atom = caf::atom_constant<caf::atom("hold")>;
using doubler =
  caf::typed_actor<caf::replies_to<twice_atom, std::int64_t>::with<std::int64_t>,
                   caf::replies_to<meet_atom>::with<void>, caf::replies_to<throw_atom>::with<void>,
                   caf::replies_to<drop_atom>::with<void>, caf::replies_to<fail_atom>::with<void>,
                   caf::replies_to<hold_atom>::with<void>,
                   caf::replies_to<tick_atom, std::int64_t>::with<std::int64_t>>;

/// What the actors of a test share. Must outlive their system. The addresses are weak, because a
/// handle would keep the system from ending.
struct shared_state {
  std::barrier<> meeting{3};
  std::mutex mutex;
  std::vector<caf::actor_addr> actors;  ///< all that were ever started
  std::counting_semaphore<> holding{0}; ///< requests that an actor holds without an answer

  std::vector<caf::actor_addr> started(std::size_t from = 0) {
    std::lock_guard lock{mutex};
    return {actors.begin() + static_cast<std::ptrdiff_t>(std::min(from, actors.size())),
            actors.end()};
  }
};

void kill(const caf::actor_addr& address) {
  if (auto alive = caf::actor_cast<caf::actor>(address))
    caf::anon_send_exit(alive, caf::exit_reason::kill);
}

doubler::behavior_type behave(doubler::pointer self, shared_state* shared) {
  {
    std::lock_guard lock{shared->mutex};
    shared->actors.push_back(self->address());
  }
  return {
    [](twice_atom, std::int64_t n) { return 2 * n; },
    [shared](meet_atom) { shared->meeting.arrive_and_wait(); },
    [](throw_atom) { throw std::runtime_error{"broken"}; },
    [self](drop_atom) -> caf::result<void> {
      auto promise = self->make_response_promise<void>();
      self->quit();
      return promise;
    },
    [](fail_atom) -> caf::result<void> {
      return to_caf({errc::invalid, "no", {}});
    },
    [self, shared,
     held = caf::typed_response_promise<void>{}](hold_atom) mutable -> caf::result<void> {
      held = self->make_response_promise<void>();
      shared->holding.release();
      return held;
    },
    [](tick_atom, std::int64_t n) { return n + 1; },
  };
}

struct pool_test {
  shared_state shared;
  system_config config;
  caf::actor_system system{config};

  doubler spawn(std::size_t actors, worker_pool_options options = fast()) {
    return spawn_worker_pool(
      system, actors, [this] { return system.spawn<caf::detached>(behave, &shared); }, options);
  }
  /// Restarts at once, as often as needed.
  static worker_pool_options fast() {
    return {.restarts = {.max_restarts = 1'000'000, .first_delay = 1ns, .longest_delay = 1ms}};
  }
};

/// Sends a request. The future has the answer's text, or the error's.
template <class... As>
std::future<std::string> request(const doubler& pool, As... args) {
  auto promise = std::make_shared<std::promise<std::string>>();
  auto future = promise->get_future();
  request_async(pool, caf::make_message(args...), [promise](caf::message& m) {
    if (m.match_elements<caf::error>())
      promise->set_value(to_string(from_caf(m.get_as<caf::error>(0))));
    else if (m.match_elements<std::int64_t>())
      promise->set_value(std::to_string(m.get_as<std::int64_t>(0)));
    else promise->set_value("");
  });
  return future;
}

} // namespace

TEST_CASE("worker_pool: one handle passes requests to all its actors, which work at once") {
  pool_test t;
  auto pool = t.spawn(3);
  CHECK(ended(request(pool, twice_atom::value, std::int64_t{21})) == "42");
  std::vector<std::future<std::string>> meetings;
  for (int i = 0; i < 6; ++i) meetings.push_back(request(pool, meet_atom::value));
  for (auto& m : meetings) CHECK(ended(m).empty());
  CHECK(t.shared.started().size() == 3);
}

TEST_CASE("worker_pool: an actor's error reaches the caller, and the actor lives on") {
  pool_test t;
  auto pool = t.spawn(1);
  CHECK(ended(request(pool, fail_atom::value)) == "invalid argument: no");
  CHECK(ended(request(pool, tick_atom::value, std::int64_t{1})) == "2");
  CHECK(t.shared.started().size() == 1);
}

TEST_CASE("worker_pool: a message whose actor ended is answered, and another actor goes on") {
  pool_test t;
  auto pool = t.spawn(1);
  for (int i = 0; i < 5; ++i) {
    CHECK(ended(request(pool, throw_atom::value)).starts_with("RuntimeError: the actor "));
    CHECK(ended(request(pool, drop_atom::value)).starts_with("RuntimeError: the actor "));
    auto next = ended(request(pool, twice_atom::value, std::int64_t{i}));
    CHECK(next == std::to_string(2 * i));
  }
}

TEST_CASE(
  "worker_pool: a killed actor's message is answered, and messages behind it are not lost") {
  pool_test t;
  auto pool = t.spawn(1);
  auto held = request(pool, hold_atom::value);
  auto behind = request(pool, twice_atom::value, std::int64_t{4});
  REQUIRE(t.shared.holding.try_acquire_for(patience));
  kill(t.shared.started().front());
  CHECK(ended(held).starts_with("RuntimeError: the actor "));
  CHECK(ended(behind) == "8");
}

TEST_CASE("worker_pool: after too many restarts it gives up, and tells the log and all callers") {
  log_capture log;
  pool_test t;
  auto options = pool_test::fast();
  options.restarts.max_restarts = 3;
  auto pool = t.spawn(2, options);
  std::vector<std::future<std::string>> all;
  for (int i = 0; i < 20; ++i) all.push_back(request(pool, throw_atom::value));
  std::size_t told = 0;
  constexpr auto why = "the worker pool has given up: 4 actors ended within 60 s, and the policy "
                       "allows 3 restarts";
  for (auto& o : all) told += ended(o).find(why) != std::string::npos ? 1 : 0;
  CHECK(told >= 14); // at most 2 + 3 actors ended, and one may have taken a message meanwhile
  CHECK(ended(request(pool, twice_atom::value, std::int64_t{1}))
          .starts_with("the node has shut down: "));
  CHECK(log.await("event=gave_up").find(why) != std::string::npos);
}

TEST_CASE("worker_pool: a factory that fails counts as an actor that ended") {
  log_capture log;
  pool_test t;
  auto options = pool_test::fast();
  options.restarts.max_restarts = 2;
  auto throws = [&]() -> doubler { throw std::runtime_error{"no disk"}; };
  auto pool = spawn_worker_pool(t.system, 1, throws, options);
  log.await("event=gave_up");
  CHECK(ended(request(pool, twice_atom::value, std::int64_t{1})).find("no disk")
        != std::string::npos);
  auto null = spawn_worker_pool(
    t.system, 1, [] { return doubler{}; }, options);
  CHECK(ended(request(null, twice_atom::value, std::int64_t{1})).find("null handle")
        != std::string::npos);
  CHECK_THROWS_AS((void)t.spawn(0), std::invalid_argument);
}

TEST_CASE("worker_pool: more than max_waiting messages are refused") {
  pool_test t;
  auto options = pool_test::fast();
  options.max_waiting = 2;
  auto pool = t.spawn(1, options);
  std::vector<std::future<std::string>> held;
  for (int i = 0; i < 3; ++i) held.push_back(request(pool, hold_atom::value));
  CHECK(ended(request(pool, twice_atom::value, std::int64_t{1}))
        == "too many calls are waiting: 2 messages wait for an idle actor");
  SUBCASE("a pool that is ended answers all messages") {
    caf::anon_send_exit(caf::actor_cast<caf::actor>(pool), caf::exit_reason::user_shutdown);
  }
  SUBCASE("actors that are killed one after another end all messages") {
    for (std::size_t i = 0; i < 3; ++i) {
      REQUIRE(t.shared.holding.try_acquire_for(patience));
      kill(t.shared.started().back());
    }
  }
  for (auto& o : held) CHECK_FALSE(ended(o).empty());
}

TEST_CASE("worker_pool: a pool is a function like any other typed actor") {
  pool_test t;
  auto pool = t.spawn(2);
  registry rpc;
  rpc.add("twice", pool, twice_atom::value);
  rpc.add("throw", pool, function_options{.timeout = 20s}, throw_atom::value);
  auto b = spawn_memory_broker(t.system, spawn_async_pool(t.system, rpc));
  CHECK(ended(call<std::int64_t>(b, "twice", std::int64_t{4})) == 8);
  CHECK(raised(failure(call(b, "throw"))) == "builtins.RuntimeError");
  CHECK(ended(call<std::int64_t>(b, "twice", std::int64_t{5})) == 10);
}

TEST_CASE("worker_pool: of a thousand actors killed under load, each message is answered") {
  auto seed = test_seed();
  INFO("PATIO_TEST_SEED=" << seed);
  std::mt19937_64 random{seed};
  pool_test t;
  auto make = [&t] { return t.system.spawn(behave, &t.shared); };
  auto pool = spawn_worker_pool(t.system, 16, make, pool_test::fast());
  std::vector<std::future<std::string>> all;
  std::size_t right = 0, killed = 0;
  while (killed < 1000) {
    for (int i = 0; i < 20; ++i)
      all.push_back(request(pool, twice_atom::value, static_cast<std::int64_t>(all.size())));
    for (const auto& address : t.shared.started(killed)) {
      if (killed == 1000 || random() % 8 == 0) break;
      kill(address);
      ++killed;
    }
    // The load follows the pool.
    if (all.size() % 100 == 0) REQUIRE(all.back().wait_for(patience) == std::future_status::ready);
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto outcome = ended(all[i]);
    bool is_right = outcome == std::to_string(2 * i);
    if (!is_right) REQUIRE(outcome.find("RuntimeError") != std::string::npos);
    right += is_right ? 1 : 0;
  }
  CHECK(right >= all.size() / 2);
}
