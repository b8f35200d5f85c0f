// Actors as registered functions, called through a memory broker.
#include <doctest/doctest.h>

#include <patio/patio.hpp>

#include "outcomes.hpp"

using namespace patio;
using namespace patio::tests;

namespace {

using get_atom = caf::atom_constant<caf::atom("get")>;
using put_atom = caf::atom_constant<caf::atom("put")>;
using ask_atom = caf::atom_constant<caf::atom("ask")>;
using touch_atom = caf::atom_constant<caf::atom("touch")>;
using store_actor =
  caf::typed_actor<caf::replies_to<get_atom, std::string>::with<std::int64_t>,
                   caf::reacts_to<put_atom, std::string, std::int64_t>, // this signature answers
                                                                        // void
                   caf::replies_to<touch_atom>::with<caf::unit_t>,
                   caf::replies_to<std::int64_t>::with<std::int64_t>>;

struct store_state {
  std::map<std::string, std::int64_t> entries;
};

store_actor::behavior_type store(store_actor::stateful_pointer<store_state> self,
                                 std::atomic<int>* count) {
  auto& received = *count;
  return {
    [self, &received](get_atom, const std::string& key) -> caf::result<std::int64_t> {
      ++received;
      auto at = self->state.entries.find(key);
      if (at == self->state.entries.end())
        return to_caf(remote_error(value::exception("builtins.KeyError", {key})));
      return at->second;
    },
    [self, &received](put_atom, const std::string& key, std::int64_t number) {
      ++received;
      self->state.entries[key] = number;
    },
    [&received](touch_atom) -> caf::result<caf::unit_t> {
      ++received;
      return caf::unit;
    },
    [&received](std::int64_t n) {
      ++received;
      return n + 1;
    },
  };
}

using asked_actor = caf::typed_actor<caf::replies_to<ask_atom>::with<std::int64_t>>;
/// Spawns an actor that answers ask_atom by `answer(self)`.
template <class F>
asked_actor asked(caf::actor_system& sys, F answer) {
  return sys.spawn([answer](asked_actor::pointer self) -> asked_actor::behavior_type {
    return {[self, answer](ask_atom) -> caf::result<std::int64_t> { return answer(self); }};
  });
}

struct test_system {
  system_config config;
  caf::actor_system system{config};
  registry rpc;
  std::vector<asked_actor> kept; // keeps the actors alive, because a registry does not

  template <class F>
  void add_asked(const std::string& name, F answer) {
    kept.push_back(asked(system, answer));
    rpc.add(name, kept.back(), ask_atom::value);
  }
  broker_actor broker() {
    return spawn_memory_broker(system, spawn_async_pool(system, rpc, {.workers = 1}));
  }
};

} // namespace

TEST_CASE(
  "actor_function: an existing actor gets the atoms of its registration before the arguments") {
  test_system t;
  std::atomic<int> received{0};
  auto kv = t.system.spawn(store, &received);
  t.rpc.add("kv.get", kv, get_atom::value);
  t.rpc.add("kv.put", kv, put_atom::value);
  t.rpc.add("kv.touch", kv, touch_atom::value);
  t.rpc.add("next", kv); // without atoms, the first signature that takes values only
  CHECK(t.rpc.find("kv.put")->signature == "(arg1: str, arg2: int)");
  auto broker = t.broker();
  CHECK(ended(call(broker, "kv.put", "a", 41)).is_none());
  CHECK(ended(call(broker, "kv.touch")).is_none());
  CHECK(ended(call<std::int64_t>(broker, "kv.get", "a")) == 41);
  CHECK(ended(call<std::int64_t>(broker, "next", 41)) == 42);
  CHECK(to_string(failure(call(broker, "kv.get", "zz"))) == "KeyError: 'zz'");
  CHECK(received == 5);
}

TEST_CASE("actor_function: wrong arguments give Python's TypeError and do not reach the actor") {
  test_system t;
  std::atomic<int> received{0};
  t.rpc.add("put", t.system.spawn(store, &received), put_atom::value);
  auto broker = t.broker();
  auto message = [&](call_future<value> f) { return to_string(failure(std::move(f))); };
  CHECK(message(call(broker, "put", "a"))
        == "TypeError: put() missing 1 required positional argument: 'arg2'");
  CHECK(message(call(broker, "put", "a", 1, 2))
        == "TypeError: put() takes 2 positional arguments but 3 were given");
  CHECK(message(call(broker, "put", 1, 1))
        == "TypeError: put() argument 'arg1' must be str, not int");
  CHECK(message(call(broker, {"put", {}, {{"number", 1}}}, "a"))
        == "TypeError: put() got an unexpected keyword argument 'number'");
  CHECK(received == 0);
}

TEST_CASE(
  "actor_function: the registry does not keep an actor alive, and calls to a dead actor fail") {
  test_system t;
  std::atomic<int> received{0};
  {
    auto kv = t.system.spawn(store, &received);
    t.rpc.add("next", kv);
  }
  auto broker = t.broker();
  for (int i = 0; i < 3; ++i)
    CHECK(to_string(failure(call(broker, "next", 1)))
            .starts_with("RuntimeError: the actor that ran the function ended"));
}

TEST_CASE("actor_function: an actor that dies during a call fails the call, however it dies") {
  test_system t;
  t.add_asked("quits", [](asked_actor::pointer self) -> caf::result<std::int64_t> {
    self->make_response_promise<std::int64_t>();
    self->quit(caf::exit_reason::user_shutdown);
    return caf::delegated<std::int64_t>{};
  });
  t.add_asked("throws", [](asked_actor::pointer self) -> caf::result<std::int64_t> {
    self->set_exception_handler(
      [](std::exception_ptr&) -> caf::error { return caf::exit_reason::unhandled_exception; });
    throw std::runtime_error{"not caught"};
  });
  // With two workers, the second call waits in the actor's mailbox when the actor dies. CAF reports
  // the death to that call in another way.
  auto broker = spawn_memory_broker(t.system, spawn_async_pool(t.system, t.rpc, {.workers = 2}));
  for (const char* name : {"quits", "throws"}) {
    CAPTURE(name);
    auto first = call(broker, name), second = call(broker, name);
    for (auto* f : {&first, &second})
      CHECK(to_string(failure(std::move(*f)))
              .starts_with("RuntimeError: the actor that ran the function ended"));
  }
}

TEST_CASE(
  "actor_function: an actor that dies after it answered one call of a worker still fails the "
  "worker's other calls") {
  test_system t;
  std::vector<caf::typed_response_promise<std::int64_t>> kept;
  std::promise<void> asked_first;
  t.add_asked("asked", [&](asked_actor::pointer self) -> caf::result<std::int64_t> {
    if (!kept.empty()) return 2;
    kept.push_back(self->make_response_promise<std::int64_t>());
    asked_first.set_value();
    return kept.back();
  });
  auto broker = t.broker();
  auto first = call(broker, "asked");
  ended(asked_first.get_future());
  CHECK(ended(call<std::int64_t>(broker, "asked")) == 2);
  caf::anon_send_exit(t.kept.back(), caf::exit_reason::kill);
  CHECK(to_string(failure(std::move(first)))
          .starts_with("RuntimeError: the actor that ran the function ended"));
}

TEST_CASE("actor_function: an actor may answer with a value, an error of its own, a promise, or by "
          "delegation") {
  test_system t;
  auto other = asked(t.system, [](asked_actor::pointer) { return std::int64_t{3}; });
  t.add_asked("value", [](asked_actor::pointer) -> caf::result<std::int64_t> { return 1; });
  t.add_asked("error", [](asked_actor::pointer) -> caf::result<std::int64_t> {
    return caf::make_error(caf::sec::bad_function_call, "not today");
  });
  t.add_asked("silence", [](asked_actor::pointer) -> caf::result<std::int64_t> {
    return caf::make_error(caf::sec::request_timeout);
  });
  t.add_asked("promise", [other](asked_actor::pointer self) -> caf::result<std::int64_t> {
    auto promise = self->make_response_promise<std::int64_t>();
    self->request(other, caf::infinite, ask_atom::value).then([promise](std::int64_t x) mutable {
      promise.deliver(x - 1);
    });
    return promise;
  });
  t.add_asked("delegation", [other](asked_actor::pointer self) -> caf::result<std::int64_t> {
    return self->delegate(other, ask_atom::value);
  });
  auto broker = t.broker();
  CHECK(ended(call<std::int64_t>(broker, "value")) == 1);
  CHECK(ended(call<std::int64_t>(broker, "promise")) == 2);
  CHECK(ended(call<std::int64_t>(broker, "delegation")) == 3);
  auto error = failure(call(broker, "error"));
  CHECK(raised(error) == "builtins.RuntimeError");
  CHECK(to_string(error).find("bad_function_call") != std::string::npos);
  CHECK(raised(failure(call(broker, "silence"))) == "builtins.TimeoutError");
}

TEST_CASE(
  "actor_function: a callable that takes an actor pointer runs as one actor in each worker") {
  test_system t;
  auto other = asked(t.system, [](asked_actor::pointer) { return std::int64_t{3}; });
  std::mutex mutex;
  std::set<caf::actor_id> actors;
  t.rpc.add(
    "value",
    [&](caf::event_based_actor* self, std::int64_t n) {
      std::lock_guard lock{mutex};
      actors.insert(self->id());
      return n;
    },
    function_options{.parameters = {"n"}});
  t.rpc.add("result", [](caf::event_based_actor*) -> caf::result<std::string> {
    return to_caf(remote_error(value::exception("builtins.KeyError", {1})));
  });
  t.rpc.add("promise", [other](caf::event_based_actor* self) {
    auto promise = self->make_response_promise<std::int64_t>();
    self->request(other, caf::infinite, ask_atom::value).then([promise](std::int64_t x) mutable {
      promise.deliver(x * 10);
    });
    return promise;
  });
  t.rpc.add("delegation", [other](caf::event_based_actor* self) {
    return self->delegate(other, ask_atom::value);
  });
  t.rpc.add("nothing", [](caf::event_based_actor*) {});
  auto broker = t.broker();
  for (int i = 0; i < 10; ++i)
    CHECK(ended(call<std::int64_t>(broker, {"value", {}, {{"n", i}}})) == i);
  CHECK(actors.size() == 1);
  CHECK(raised(failure(call(broker, "value", "text"))) == "builtins.TypeError");
  CHECK(to_string(failure(call(broker, "result"))) == "KeyError: 1");
  CHECK(ended(call<std::int64_t>(broker, "promise")) == 30);
  CHECK(ended(call<std::int64_t>(broker, "delegation")) == 3);
  CHECK(ended(call(broker, "nothing")).is_none());
}

TEST_CASE("actor_function: a function's actor that quits fails one call, and the next call gets a "
          "new actor") {
  test_system t;
  std::atomic<caf::actor_id> last{0};
  t.rpc.add("fragile",
            [&last](caf::event_based_actor* self, bool quits) -> caf::result<std::int64_t> {
              last = self->id();
              if (!quits) return 1;
              self->make_response_promise();
              self->quit(caf::exit_reason::user_shutdown);
              return caf::delegated<std::int64_t>{};
            });
  auto broker = t.broker();
  caf::actor_id before = 0;
  for (int i = 0; i < 5; ++i) {
    CHECK(raised(failure(call(broker, "fragile", true))) == "builtins.RuntimeError");
    CHECK(ended(call<std::int64_t>(broker, "fragile", false)) == 1);
    CHECK(last != before);
    before = last;
  }
}

TEST_CASE("actor_function: an actor system ends at once even if a function's actor waits for a "
          "message in an hour") {
  auto begin = std::chrono::steady_clock::now();
  {
    test_system t;
    t.rpc.add("hour", [](caf::event_based_actor* self) {
      auto promise = self->make_response_promise<std::int64_t>();
      self->delayed_send(self, std::chrono::hours{1}, caf::ok_atom::value);
      return promise;
    });
    auto broker = t.broker();
    auto waiting = call(broker, "hour");
    shut_down(broker);
    CHECK(failure(std::move(waiting)).code == errc::shut_down);
  }
  CHECK(std::chrono::steady_clock::now() - begin < patience);
}

TEST_CASE("spawn_function: a plain function becomes a typed actor that survives its exceptions") {
  system_config config;
  caf::actor_system sys{config};
  auto half = spawn_function(sys, [](std::int64_t n) {
    if (n % 2 != 0) throw python_error{"ValueError", {"odd"}};
    if (n == 0) throw 7;
    return n / 2;
  });
  std::promise<std::int64_t> three;
  std::promise<error> odd, zero;
  auto no_result = spawn_function(sys, [](std::string) {});
  std::promise<void> done;
  sys.spawn([&, half, no_result](caf::event_based_actor* self) {
    auto fulfil = [](std::promise<error>& p) {
      return [&p](const caf::error& e) { p.set_value(from_caf(e)); };
    };
    self->request(half, caf::infinite, std::int64_t{1}).then([](std::int64_t) {}, fulfil(odd));
    self->request(half, caf::infinite, std::int64_t{0}).then([](std::int64_t) {}, fulfil(zero));
    self->request(half, caf::infinite, std::int64_t{6}).then([&](std::int64_t x) {
      three.set_value(x);
    });
    self->request(no_result, caf::infinite, std::string{"x"}).then([&] { done.set_value(); });
  });
  CHECK(to_string(ended(odd.get_future())) == "ValueError: odd");
  CHECK(raised(ended(zero.get_future())) == "builtins.RuntimeError");
  CHECK(ended(three.get_future()) == 3);
  ended(done.get_future());
}

TEST_CASE(
  "actor_function: a function that runs as an actor and takes a stop token is told to stop") {
  test_system t;
  std::promise<std::stop_token> began;
  t.rpc.add(
    "held",
    [&began](caf::event_based_actor* self, std::stop_token stop,
             std::int64_t n) -> caf::result<std::int64_t> {
      auto promise = self->make_response_promise<std::int64_t>();
      self->spawn<caf::linked>([promise, stop, n](caf::event_based_actor* me) -> caf::behavior {
        // The callback keeps the actor alive: CAF ends an actor without references.
        std::function<void()> wake = [self = caf::actor{me}] {
          caf::anon_send(self, ask_atom::value);
        };
        auto on_stop = std::make_shared<std::stop_callback<std::function<void()>>>(stop, wake);
        return {[promise, on_stop, n, me](ask_atom) mutable {
          promise.deliver(n);
          me->quit();
        }};
      });
      began.set_value(stop);
      return promise;
    });
  auto pool = spawn_async_pool(t.system, t.rpc);
  std::stop_source caller;
  std::promise<result<value>> answered;
  reply answer{[&answered](result<value> x) { answered.set_value(std::move(x)); }, errc::shut_down,
               caller.get_token()};
  pool.run(make_task(t.rpc.find("held"), {{7}, {}}, never, std::move(answer)));
  auto stop = began.get_future().get();
  CHECK(stop.stop_possible());
  CHECK_FALSE(stop.stop_requested());
  caller.request_stop();
  CHECK(answered.get_future().get().value() == value{7});
}
