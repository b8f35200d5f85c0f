// Calls that work alike on every backend. PATIO_TEST_BACKEND names the backend: memory (the
// default: the memory broker), cpp (a C++ peer) or python (a Python peer).
#include <doctest/doctest.h>

#include <cstdlib>

#include "peer_functions.hpp"
#include "python_peer.hpp"

using namespace patio;
using namespace std::chrono_literals;

namespace {

/// A broker of the chosen backend, with the actor system and the peer that the broker needs.
class backend {
public:
  backend() {
    const char* chosen = std::getenv("PATIO_TEST_BACKEND");
    std::string name = chosen ? chosen : "memory";
    if (name == "memory") {
      broker_ = spawn_memory_broker(system_, pool());
    } else {
      tcp_options options;
      options.limits.route_timeout = 100ms;
      auto caller = spawn_tcp_broker(system_, null_executor(), options);
      broker_ = caller;
      auto where = name == "python" ? start_python() : start_cpp();
      REQUIRE(connect(caller, where).get());
    }
    *slot_ = served_ ? served_ : broker_;
  }
  ~backend() {
    slot_->reset();
    shut_down(broker_);
    if (served_) shut_down(*served_);
  }
  [[nodiscard]] const broker_actor& broker() const { return broker_; }
  [[nodiscard]] caf::actor_system& system() { return system_; }

private:
  executor pool() {
    return spawn_async_pool(system_, patio::tests::peer_functions(slot_), {.workers = 16});
  }
  endpoint start_cpp() {
    auto server = spawn_tcp_broker(system_, pool());
    served_ = server;
    return listen(server, "127.0.0.1:0").value();
  }
  endpoint start_python() {
    python_ = std::make_unique<patio::tests::python_peer>("server", "");
    return python_->where();
  }

  system_config config_;
  caf::actor_system system_{config_};
  patio::tests::broker_slot slot_ = std::make_shared<std::optional<broker_actor>>();
  broker_actor broker_;
  std::optional<broker_actor> served_;
  std::unique_ptr<patio::tests::python_peer> python_;
};

template <class R>
error failure(call_future<R> answer) {
  REQUIRE(answer.wait_for(20s) == std::future_status::ready);
  try {
    (void)answer.get();
  } catch (const call_error& e) {
    return e.why();
  }
  FAIL("the call gave a value");
  return {};
}

std::string raised(const error& e) { return std::string{e.exception.exception_type()}; }

} // namespace

TEST_CASE("calls: values reach the function, and its result is converted to the type asked for") {
  backend b;
  CHECK(call<std::int64_t>(b.broker(), "add", 2, 3).get() == 5);
  CHECK(call<std::int64_t>(b.broker(), "mul", 1, 2, 3, 4).get() == 24);
  CHECK(call<double>(b.broker(), "div", 1, 4).get() == 0.25);
  CHECK(call<std::string>(b.broker(), "echo", "text").get() == "text");
  CHECK(call<std::vector<std::int64_t>>(b.broker(), "echo", std::vector<std::int64_t>{1, 2}).get()
        == std::vector<std::int64_t>{1, 2});
  auto both = call<std::tuple<value, value>>(b.broker(), {"echo", {}, {{"k", 1}}}, 5).get();
  CHECK(std::get<0>(both) == value::tuple({5}));
  CHECK(std::get<1>(both) == value::dict({{"k", 1}}));
}

TEST_CASE("calls: keyword arguments reach their parameters") {
  backend b;
  CHECK(call<double>(b.broker(), {"div", {}, {{"b", 8}, {"a", 2}}}).get() == 0.25);
}

TEST_CASE("calls: an exception arrives with its Python class and arguments") {
  backend b;
  auto zero = failure(call(b.broker(), "div", 1, 0));
  CHECK(zero.code == errc::remote_error);
  CHECK(raised(zero) == "builtins.ZeroDivisionError");
  auto key = failure(call(b.broker(), "lookup", "zz"));
  CHECK(raised(key) == "builtins.KeyError");
  CHECK(key.exception.exception_args()[0] == value{"zz"});
  CHECK(to_string(key) == "KeyError: 'zz'");
  CHECK(failure(call(b.broker(), "house", "brick")).code == errc::remote_error);
}

TEST_CASE("calls: wrong arguments give a TypeError and do not reach the function") {
  backend b;
  CHECK(raised(failure(call(b.broker(), "add", 1))) == "builtins.TypeError");
  CHECK(raised(failure(call(b.broker(), "add", 1, 2, 3))) == "builtins.TypeError");
  CHECK(raised(failure(call(b.broker(), {"add", {}, {{"c", 1}}}, 1))) == "builtins.TypeError");
}

TEST_CASE("calls: a call to a name that nobody serves ends with errc::no_route") {
  backend b;
  CHECK(failure(call(b.broker(), "unheard_of")).code == errc::no_route);
  CHECK(call<std::int64_t>(b.broker(), "add", 2, 3).get() == 5);
}

TEST_CASE("calls: a call to a function that never answers times out") {
  backend b;
  call_options soon{.timeout = 50ms};
  auto why = failure(call(b.broker(), {"never", soon}));
  // Either side may notice first: this side ends with a timeout, the peer sends a TimeoutError.
  if (why.code == errc::remote_error) CHECK(raised(why).ends_with("TimeoutError"));
  else CHECK(why.code == errc::timeout);
  CHECK(call<std::int64_t>(b.broker(), "add", 2, 3).get() == 5);
}

TEST_CASE("calls: a result that does not convert to the type asked for is undecodable") {
  backend b;
  auto why = failure(call<std::int64_t>(b.broker(), "echo", "text"));
  CHECK(why.code == errc::undecodable);
  CHECK(why.message == "the result must be int, not str");
}

TEST_CASE("calls: of two hundred calls in flight each gets its own result") {
  backend b;
  std::vector<call_future<std::int64_t>> answers;
  for (std::int64_t i = 0; i < 200; ++i)
    answers.push_back(call<std::int64_t>(b.broker(), "add", i, i));
  for (std::int64_t i = 0; i < 200; ++i) CHECK(answers[static_cast<std::size_t>(i)].get() == 2 * i);
}

TEST_CASE("calls: a typed remote function answers request, delegation and monitors") {
  backend b;
  auto add = remote<std::int64_t(std::int64_t, std::int64_t)>(b.broker(), "add");
  auto lookup = remote<std::int64_t(std::string)>(b.broker(), "lookup");
  std::promise<std::int64_t> sum, delegated;
  std::promise<error> missing;
  auto front =
    b.system().spawn([add](function_actor<std::int64_t(std::int64_t, std::int64_t)>::pointer self)
                       -> function_actor<std::int64_t(std::int64_t, std::int64_t)>::behavior_type {
      return {[self, add](std::int64_t x, std::int64_t y) { return self->delegate(add, x, y); }};
    });
  b.system().spawn([&](caf::event_based_actor* self) {
    self->request(add, 20s, std::int64_t{20}, std::int64_t{22}).then([&](std::int64_t x) {
      sum.set_value(x);
    });
    self->request(front, 20s, std::int64_t{1}, std::int64_t{2}).then([&](std::int64_t x) {
      delegated.set_value(x);
    });
    self->request(lookup, 20s, std::string{"zz"})
      .then([](std::int64_t) {}, [&](const caf::error& e) { missing.set_value(from_caf(e)); });
  });
  CHECK(sum.get_future().get() == 42);
  CHECK(delegated.get_future().get() == 3);
  CHECK(raised(missing.get_future().get()) == "builtins.KeyError");
}

TEST_CASE("calls: a broker lists the names of the functions that it can call") {
  backend b;
  std::promise<std::vector<std::string>> names;
  b.system().spawn([&](caf::event_based_actor* self) {
    self->request(b.broker(), 20s, discover_atom::value).then([&](std::vector<std::string>& all) {
      names.set_value(std::move(all));
    });
  });
  auto all = names.get_future().get();
  CHECK(std::find(all.begin(), all.end(), "lookup") != all.end());
  CHECK(std::find(all.begin(), all.end(), "unheard_of") == all.end());
}
