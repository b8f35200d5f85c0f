// Remote functions as typed actors. calls_test.cpp has the cases that run on every backend.
#include <doctest/doctest.h>

#include <patio/patio.hpp>

#include <caf/default_attachable.hpp>

#include "outcomes.hpp"

using namespace patio;
using namespace patio::tests;
using namespace std::chrono_literals;

namespace {

using adder = function_actor<std::int64_t(std::int64_t, std::int64_t)>;

struct test_system {
  // The functions use these, so they outlive the threads of the actor system.
  std::promise<std::string> noted;
  std::atomic<int> runs{0};
  std::mutex mutex;
  std::vector<reply_to<std::int64_t>> unanswered;
  system_config config;
  caf::actor_system system{config};
  registry rpc;
  broker_actor broker;

  test_system() {
    rpc.add("add", [this](std::int64_t a, std::int64_t b) {
      ++runs;
      return a + b;
    });
    rpc.add("note", [this](std::string text) { noted.set_value(std::move(text)); });
    rpc.add("never", [this](reply_to<std::int64_t> r) {
      std::lock_guard lock{mutex};
      unanswered.push_back(std::move(r));
    });
    broker = spawn_memory_broker(system, spawn_async_pool(system, rpc));
  }
  ~test_system() { shut_down(broker); }

  [[nodiscard]] adder add() {
    return remote<std::int64_t(std::int64_t, std::int64_t)>(broker, "add");
  }
};

/// Runs `body(self, promise)` in an actor and returns the value of the promise.
template <class R, class F>
R in_actor(caf::actor_system& sys, F body) {
  auto promise = std::make_shared<std::promise<R>>();
  sys.spawn([promise, body](caf::event_based_actor* self) { body(self, promise); });
  return ended(promise->get_future());
}

} // namespace

TEST_CASE("remote_function: the actor's type follows from the function's signature") {
  static_assert(
    std::is_same_v<
      adder, caf::typed_actor<caf::replies_to<std::int64_t, std::int64_t>::with<std::int64_t>>>);
  static_assert(std::is_same_v<function_actor<bool()>,
                               caf::typed_actor<caf::replies_to<caf::unit_t>::with<bool>>>);
  static_assert(std::is_same_v<function_actor<void(const std::string&)>,
                               caf::typed_actor<caf::replies_to<std::string>::with<void>>>);
}

TEST_CASE("remote_function: a function without a result answers an empty message") {
  test_system t;
  auto note = remote<void(std::string)>(t.broker, "note");
  CHECK(in_actor<bool>(t.system, [note](caf::event_based_actor* self, auto done) {
    self->request(note, caf::infinite, std::string{"hello"}).then([done] {
      done->set_value(true);
    });
  }));
  CHECK(ended(t.noted.get_future()) == "hello");
}

TEST_CASE(
  "remote_function: a remote function dies with its broker, and monitors and links are notified") {
  test_system t;
  auto add = t.add();
  std::promise<void> watching;
  std::promise<caf::error> down, linked;
  auto watcher = t.system.spawn([&](caf::event_based_actor* self) -> caf::behavior {
    self->monitor(add);
    self->set_down_handler([&](caf::down_msg& msg) { down.set_value(msg.reason); });
    self->link_to(add);
    self->set_exit_handler([&](caf::exit_msg& msg) { linked.set_value(msg.reason); });
    watching.set_value();
    return {[](caf::ok_atom) {}}; // an actor without a behaviour would end now
  });
  ended(watching.get_future());
  shut_down(t.broker);
  (void)ended(down.get_future());
  (void)ended(linked.get_future());
}

TEST_CASE("remote_function: a remote function of a dead broker is dead from the start") {
  test_system t;
  shut_down(t.broker);
  auto add = t.add();
  std::promise<caf::error> down;
  auto watcher = t.system.spawn([&](caf::event_based_actor* self) -> caf::behavior {
    self->set_down_handler([&, self](caf::down_msg& msg) {
      down.set_value(msg.reason);
      self->quit();
    });
    self->monitor(add);
    return {[](caf::ok_atom) {}};
  });
  (void)ended(down.get_future());
  auto why = in_actor<error>(t.system, [add](caf::event_based_actor* self, auto done) {
    self->request(add, caf::infinite, std::int64_t{1}, std::int64_t{2})
      .then([](std::int64_t) {}, [done](const caf::error& e) { done->set_value(from_caf(e)); });
  });
  CHECK(why.code == errc::shut_down);
}

TEST_CASE("remote_function: a message of other types is refused and does not reach the function") {
  test_system t;
  auto untyped = caf::actor_cast<caf::actor>(t.add());
  auto answer_to = [&](auto... message) {
    return in_actor<caf::error>(t.system, [=](caf::event_based_actor* self, auto done) {
      self->request(untyped, caf::infinite, message...)
        .then([](std::int64_t) {}, [done](const caf::error& e) { done->set_value(e); });
    });
  };
  CHECK(answer_to(std::string{"text"}) == caf::sec::unexpected_message);
  CHECK(answer_to(std::int64_t{1}) == caf::sec::unexpected_message);
  CHECK(answer_to(std::int64_t{1}, std::int64_t{2}, std::int64_t{3})
        == caf::sec::unexpected_message);
  CHECK(answer_to(std::int32_t{1}, std::int32_t{2}) == caf::sec::unexpected_message);
  caf::anon_send(untyped, "text");
  caf::anon_send(untyped, caf::make_error(caf::sec::runtime_error));
  caf::anon_send(untyped, caf::down_msg{untyped.address(), caf::exit_reason::kill});
  CHECK(t.runs == 0);
  CHECK(ended(call<std::int64_t>(t.broker, "add", 1, 2)) == 3);
}

TEST_CASE("remote_function: an anonymous message runs the function, and the answer is dropped") {
  test_system t;
  caf::anon_send(remote<void(std::string)>(t.broker, "note"), std::string{"no answer, please"});
  CHECK(ended(t.noted.get_future()) == "no answer, please");
}

TEST_CASE("remote_function: an actor that sends without a request gets the answer as a message") {
  test_system t;
  auto add = t.add();
  std::promise<std::int64_t> sum;
  auto sender = t.system.spawn([&sum, add](caf::event_based_actor* self) -> caf::behavior {
    self->send(add, std::int64_t{1}, std::int64_t{2});
    return {[&sum, self](std::int64_t x) {
      sum.set_value(x);
      self->quit();
    }};
  });
  CHECK(ended(sum.get_future()) == 3);
}

TEST_CASE(
  "remote_function: the last handle removes the broker's monitor, so that a program may make "
  "a handle for every call") {
  test_system t;
  auto* broker = caf::actor_cast<caf::abstract_actor*>(t.broker);
  auto monitors_of = [&](const caf::actor_addr& a) {
    return broker->detach(
      caf::default_attachable::observe_token{a, caf::default_attachable::monitor});
  };
  auto kept = t.add();
  CHECK(monitors_of(kept.address()) == 1);
  std::vector<caf::actor_addr> gone;
  for (int i = 0; i < 100; ++i) {
    auto add = t.add();
    gone.push_back(add.address());
    CHECK(in_actor<std::int64_t>(t.system,
                                 [add](caf::event_based_actor* self, auto done) {
                                   self
                                     ->request(add, caf::infinite, std::int64_t{1}, std::int64_t{2})
                                     .then([done](std::int64_t x) { done->set_value(x); });
                                 })
          == 3);
    add = nullptr;
    // The actor that made the request may hold the last reference for a moment longer.
    while (caf::actor_cast<caf::actor>(gone.back())) std::this_thread::yield();
  }
  std::size_t left = 0;
  for (const auto& a : gone) left += monitors_of(a);
  CHECK(left == 0);
}

TEST_CASE("remote_function: a call ends at its own timeout or at the request's timeout, whichever "
          "is first") {
  test_system t;
  auto ending = [&](auto timeout, call_options options) {
    auto never = remote<std::int64_t()>(t.broker, "never", options);
    return in_actor<error>(t.system, [=](caf::event_based_actor* self, auto done) {
      self->request(never, timeout, caf::unit)
        .then([](std::int64_t) {}, [done](const caf::error& e) { done->set_value(from_caf(e)); });
    });
  };
  CHECK(ending(caf::infinite, {.timeout = 20ms}).code == errc::timeout);
  CHECK(ending(caf::duration{20ms}, {}).code == errc::timeout);
}

TEST_CASE("remote_function: a result of another type is undecodable, and the broker still works") {
  test_system t;
  auto wrong = remote<std::string(std::int64_t, std::int64_t)>(t.broker, "add");
  auto why = in_actor<error>(t.system, [wrong](caf::event_based_actor* self, auto done) {
    self->request(wrong, caf::infinite, std::int64_t{1}, std::int64_t{2})
      .then([](const std::string&) {},
            [done](const caf::error& e) { done->set_value(from_caf(e)); });
  });
  CHECK(why.code == errc::undecodable);
  CHECK(why.message == "the result must be str, not int");
  CHECK(ended(call<std::int64_t>(t.broker, "add", 1, 2)) == 3);
}
