// The memory broker. The calls that every backend must make are in calls_test.cpp.
#include <doctest/doctest.h>
#include <malloc.h>

#include "nodes.hpp"

using namespace patio;
using namespace patio::tests;
using namespace std::chrono_literals;

namespace {

/// A user's type whose conversion throws, on the broker's thread.
struct unlucky {};

struct running {
  std::mutex mutex; // outlives the threads of the system
  std::vector<reply_to<std::int64_t>> unanswered;
  system_config config;
  caf::actor_system system{config};

  [[nodiscard]] registry functions() {
    registry rpc;
    rpc.add("two", [] { return 2; });
    rpc.add("quick", [] { return 3; }, {.quick = true});
    rpc.add("quick_throw", [] { throw 7; }, {.quick = true});
    rpc.add("never", [this](reply_to<std::int64_t> r) {
      std::lock_guard lock{mutex};
      unanswered.push_back(std::move(r));
    });
    return rpc;
  }
  [[nodiscard]] broker_actor broker(memory_options options = {}) {
    return spawn_memory_broker(system, spawn_async_pool(system, functions(), {.workers = 8}),
                               options);
  }
};

} // namespace

template <>
struct patio::converter<unlucky> {
  static std::string name() { return "unlucky"; }
  static value to(const unlucky&) { return 1; }
  static result<unlucky> from(const value&) { throw std::domain_error{"cannot"}; }
};

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(unlucky)

TEST_CASE("memory_broker: a quick function answers at once, with its value or its exception") {
  running r;
  auto b = r.broker();
  CHECK(ended(call<std::int64_t>(b, "quick")) == 3);
  CHECK(raised(failure(call(b, "quick_throw"))) == "builtins.RuntimeError");
}

TEST_CASE("memory_broker: a registry is locked by the first broker that serves it") {
  running r;
  auto rpc = r.functions();
  auto b = spawn_memory_broker(r.system, spawn_async_pool(r.system, rpc));
  CHECK(rpc.is_locked());
  CHECK_THROWS_AS(rpc.add("more", [] { return 1; }), std::logic_error);
}

TEST_CASE("memory_broker: an unknown name, a timeout of zero and a timeout that is not a number "
          "end a call at once") {
  running r;
  auto b = r.broker();
  CHECK(to_string(failure(call(b, "unheard_of"))) == "nobody serves this name: 'unheard_of'");
  CHECK(failure(call(b, {"two", {.timeout = 0ns}})).code == errc::timeout);
  CHECK(failure(call(b, {"two", {.timeout = -1s}})).code == errc::timeout);
  CHECK(ask<value>(b, call_atom::value, call_request{"two", {}, "soon"}).error().code
        == errc::invalid);
  CHECK(ask<value>(b, call_atom::value, call_request{"two", {}, {}}).value() == value{2});
}

TEST_CASE("memory_broker: each of many deadlines ends its own call, in any order of their times") {
  running r;
  auto b = r.broker();
  std::vector<call_future<value>> late;
  for (int i : {9, 1, 30, 5, 2, 40, 3, 1})
    late.push_back(call(b, {"never", {.timeout = i * 10ms}}));
  for (auto& f : late) CHECK(failure(std::move(f)).code == errc::timeout);
  CHECK(ended(call<std::int64_t>(b, "quick")) == 3);
}

TEST_CASE("memory_broker: a call beyond the limit of waiting calls is refused at once") {
  running r;
  auto b = r.broker({.waiting_calls = 3});
  std::vector<call_future<value>> waiting;
  for (int i = 0; i < 3; ++i) waiting.push_back(call(b, "never"));
  CHECK(failure(call(b, "never")).code == errc::overloaded);
  for (const auto& f : waiting) CHECK_FALSE(is_ready(f));
  shut_down(b);
  for (auto& f : waiting) CHECK(failure(std::move(f)).code == errc::shut_down);
}

TEST_CASE("memory_broker: it answers discover and peers, and reports its end to every actor that "
          "waits for the end") {
  running r;
  auto b = r.broker();
  CHECK(ask<std::vector<std::string>>(b, discover_atom::value).value() == r.functions().names());
  CHECK(ask<std::vector<peer_info>>(b, peers_atom::value).value().empty());
  std::promise<void> joined, shut;
  r.system.spawn([&](caf::event_based_actor* self) {
    self->request(b, caf::infinite, join_atom::value).then([&] { joined.set_value(); });
    self->request(b, caf::infinite, shut_down_atom::value).then([&] { shut.set_value(); });
  });
  ended(joined.get_future());
  ended(shut.get_future());
}

TEST_CASE("memory_broker: after its end, calls and a second shut_down end at once") {
  running r;
  auto b = r.broker();
  shut_down(b);
  for (int i = 0; i < 10; ++i) CHECK(failure(call(b, "two")).code == errc::shut_down);
  shut_down(b);
  CHECK(ask<value>(b, call_atom::value, call_request{"two", {}, {}}).error().code
        == errc::shut_down);
}

TEST_CASE(
  "memory_broker: an exit message ends the broker like a shutdown, and every call is answered") {
  running r;
  auto b = r.broker();
  auto waiting = call(b, "never");
  caf::anon_send_exit(b, caf::exit_reason::kill);
  CHECK(failure(std::move(waiting)).code == errc::shut_down);
}

TEST_CASE("memory_broker: futures become ready although the last handle is dropped with calls in "
          "flight") {
  running r;
  std::vector<call_future<value>> all;
  for (int i = 0; i < 200; ++i) {
    auto b = r.broker();
    all.push_back(call(b, "never"));
    all.push_back(call(b, "two"));
  }
  std::size_t values = 0, shut = 0;
  for (auto& f : all) {
    try {
      values += ended(f) == value{2};
    } catch (const call_error& e) {
      shut += e.why().code == errc::shut_down;
    }
  }
  CHECK(values + shut == all.size());
  CHECK(shut >= all.size() / 2);
}

TEST_CASE("memory_broker: calls to an executor that has shut down end with shut_down") {
  running r;
  auto pool = spawn_async_pool(r.system, r.functions());
  auto b = spawn_memory_broker(r.system, pool);
  pool.shut_down();
  CHECK(failure(call(b, "two")).code == errc::shut_down);
  CHECK(ended(call<std::int64_t>(b, "quick")) == 3);
}

TEST_CASE("memory_broker: unknown messages are ignored") {
  running r;
  auto b = r.broker();
  auto untyped = caf::actor_cast<caf::actor>(b);
  caf::anon_send(untyped, "text", 1, 2.5);
  caf::anon_send(untyped, call_atom::value);
  caf::anon_send(untyped, caf::make_error(caf::sec::runtime_error));
  caf::anon_send(untyped, caf::down_msg{b.address(), caf::exit_reason::kill});
  caf::anon_send(untyped, caf::atom("answered"));
  caf::anon_send(untyped, caf::atom("answered"), std::uint64_t{99});
  CHECK(ended(call<std::int64_t>(b, "two")) == 2);
}

TEST_CASE("memory_broker: a conversion that throws fails only its own call") {
  running r;
  auto b = r.broker();
  auto wrong = call<unlucky>(b, "two");
  CHECK_THROWS_WITH_AS(ended(wrong), "cannot", std::domain_error);
  auto f = remote<unlucky()>(b, "two");
  std::promise<error> why;
  r.system.spawn([&, f](caf::event_based_actor* self) {
    self->request(f, caf::infinite, caf::unit)
      .then([](const unlucky&) {}, [&](const caf::error& e) { why.set_value(from_caf(e)); });
  });
  CHECK(to_string(ended(why.get_future())) == "ValueError: cannot");
  CHECK(ended(call<std::int64_t>(b, "two")) == 2);
}

TEST_CASE(
  "memory_broker: a call with a timeout of a day does not delay the end of its actor system") {
  auto begin = std::chrono::steady_clock::now();
  {
    running r;
    auto b = r.broker();
    CHECK(ended(call<std::int64_t>(b, {"two", {.timeout = 24h}})) == 2);
  }
  CHECK(std::chrono::steady_clock::now() - begin < patience);
}

TEST_CASE("memory_broker: answered calls with long timeouts leave no memory behind") {
  running r;
  auto b = r.broker();
  auto call_often = [&](int rounds) {
    for (int round = 0; round < rounds; ++round) {
      std::vector<call_future<std::int64_t>> all;
      for (int i = 0; i < 100; ++i)
        all.push_back(call<std::int64_t>(b, {"two", {.timeout = 24h - i * 1s}}));
      for (auto& f : all) CHECK(ended(f) == 2);
    }
  };
  call_often(100);
  auto before = mallinfo2().uordblks;
  call_often(300);
  auto after = mallinfo2().uordblks;
  CHECK(after < before
                  + (std::size_t{1}
                     << 20)); // with CAF's own request timeouts, 5 MiB would stay allocated here
}
