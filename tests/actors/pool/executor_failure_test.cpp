// A pool survives functions that throw or never answer, killed workers, and unknown messages.
#include <doctest/doctest.h>

#include "pool/executor_fixture.hpp"

using namespace patio;
using namespace patio::tests;

namespace {

struct unknown_exception {}; // not derived from std::exception

/// A type whose conversions throw.
struct unconvertible {
  int number;
};

} // namespace

template <>
struct patio::converter<unconvertible> {
  static std::string name() { return "unconvertible"; }
  static value to(const unconvertible&) { throw std::runtime_error{"no conversion today"}; }
  static result<unconvertible> from(const value&) {
    throw std::runtime_error{"no conversion today"};
  }
};

TEST_CASE("executor: after a thousand exceptions of each type all workers of a pool still run") {
  with_each_pool([](spawner spawn) {
    test_system t;
    constexpr std::size_t workers = 3;
    std::barrier meeting{static_cast<std::ptrdiff_t>(workers)};
    registry rpc;
    add_meeting(rpc, meeting);
    rpc.add("std", [] { throw std::runtime_error{"broken"}; });
    rpc.add("int", [] { throw 7; });
    rpc.add("python", [] { throw python_error{"KeyError", {"zz"}}; });
    rpc.add("unknown", [] { throw unknown_exception{}; });
    rpc.add("deferred",
            [](reply_to<std::int64_t>) { throw std::runtime_error{"before the answer"}; });
    rpc.add("actor", [](caf::event_based_actor*) -> caf::result<std::int64_t> {
      throw std::runtime_error{"in an actor"};
    });
    rpc.add("argument", [](unconvertible) {});
    rpc.add("result", [] { return unconvertible{1}; });
    auto pool = spawn(t.system, rpc, {.workers = workers, .queue_per_worker = 10'000});
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

TEST_CASE("executor: a reply that is dropped without an answer is an error, and the pool has room "
          "for the next call") {
  with_each_pool([](spawner spawn) {
    test_system t;
    registry rpc;
    rpc.add("forget", [](reply_to<std::int64_t>) {});
    auto pool = spawn(t.system, rpc, {.workers = 1, .max_deferred = 1});
    for (int i = 0; i < 10; ++i)
      CHECK(to_string(error_of(start(pool, "forget")))
            == "RuntimeError: the function was dropped without an answer");
  });
}

TEST_CASE(
  "executor: a worker killed by an actor that it asked is replaced, and only its own call fails") {
  with_each_pool([](spawner spawn) {
    test_system t;
    constexpr std::size_t workers = 3;
    std::barrier meeting{static_cast<std::ptrdiff_t>(workers)};
    using killer_actor = caf::typed_actor<caf::replies_to<std::int64_t>::with<std::int64_t>>;
    killer_actor killer =
      t.system.spawn([](killer_actor::pointer self) -> killer_actor::behavior_type {
        return {[self](std::int64_t) -> caf::result<std::int64_t> {
          caf::anon_send_exit(caf::actor_cast<caf::actor>(self->current_sender()),
                              caf::exit_reason::kill);
          self->make_response_promise(); // this promise is never delivered
          return caf::delegated<std::int64_t>{};
        }};
      });
    registry rpc;
    add_meeting(rpc, meeting);
    rpc.add("kill", killer);
    rpc.add("two", [] { return 2; });
    auto pool = spawn(t.system, rpc, {.workers = workers, .queue_per_worker = 1000});
    std::vector<outcome> killed, others;
    for (int i = 0; i < 200; ++i) {
      killed.push_back(start(pool, "kill", {1}));
      others.push_back(start(pool, "two"));
    }
    for (auto& o : killed) CHECK_FALSE(ended(o));
    for (auto& o : others) CHECK(ended(o).value_or(value{}) == value{2});
    check_that_n_run_at_once(pool, workers);
  });
}

TEST_CASE("executor: a pool and its workers ignore messages that are not for them") {
  test_system t;
  std::promise<caf::actor> worker;
  using asked = caf::typed_actor<caf::replies_to<std::int64_t>::with<std::int64_t>>;
  asked curious = t.system.spawn([&worker](asked::pointer self) -> asked::behavior_type {
    return {[self, &worker](std::int64_t x) {
      if (x == 0) worker.set_value(caf::actor_cast<caf::actor>(self->current_sender()));
      return x;
    }};
  });
  registry rpc;
  rpc.add("ask", curious);
  auto pool = spawn_async_pool(t.system, rpc, {.workers = 1, .max_deferred = 1});
  CHECK(ended(start(pool, "ask", {0})));
  for (const auto& receiver : {pool.pool(), worker.get_future().get()}) {
    caf::anon_send(receiver, "text", 1, 2.5);
    caf::anon_send(receiver, caf::make_error(caf::sec::runtime_error));
    caf::anon_send(receiver, caf::down_msg{curious.address(), caf::exit_reason::kill});
    caf::anon_send(receiver, caf::exit_msg{curious.address(), caf::exit_reason::normal});
  }
  CHECK(ended(start(pool, "ask", {5})).value() == value{5});
}
