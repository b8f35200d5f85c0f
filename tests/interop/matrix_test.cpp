// All combinations of a C++ or Python server, a C++ or Python client, the calling side, and no key,
// a short key or a key of 32 bytes. The Python peers are real patio 0.1.4 processes.
#include <doctest/doctest.h>

#include <patio/value/literal.hpp>

#include "peer_functions.hpp"
#include "python_peer.hpp"

using namespace patio;
using patio::tests::python_peer;

namespace {

constexpr auto patience = std::chrono::seconds{20};

/// One side of a connection, in C++ or Python.
class side {
public:
  virtual ~side() = default;
  virtual endpoint listen() = 0;
  virtual void connect(const endpoint& server) = 0;
  /// Returns "ok REPR" or "error TYPE ARGS", as Python prints them.
  virtual std::string call(const std::string& name, const std::string& args, double timeout = 20,
                           int times = 1) = 0;
};

class cpp_side final : public side {
public:
  explicit cpp_side(const std::string& key) {
    auto back = std::make_shared<std::optional<broker_actor>>();
    node_ = spawn_tcp_broker(
      system_, spawn_async_pool(system_, patio::tests::peer_functions(back), {.workers = 16}),
      {.key = key});
    *back = node_;
    back_ = back;
  }
  ~cpp_side() override {
    back_->reset();
    shut_down(node_);
  }
  endpoint listen() override { return patio::listen(node_, "127.0.0.1:0").value(); }
  void connect(const endpoint& server) override { REQUIRE(patio::connect(node_, server).get()); }
  std::string call(const std::string& name, const std::string& args, double timeout,
                   int times) override {
    auto items = parse_literal(args).value();
    std::vector<std::future<value>> answers;
    for (int i = 0; i < times; ++i) answers.push_back(start(name, items, timeout));
    std::string first;
    for (auto& a : answers) {
      auto text = outcome(a);
      if (first.empty()) first = text;
      CHECK(text == first);
    }
    return first;
  }

private:
  std::future<value> start(const std::string& name, const value& items, double timeout) {
    auto promise = std::make_shared<std::promise<value>>();
    auto settle = [promise](result<value> r) {
      if (r) promise->set_value(*r);
      else promise->set_exception(std::make_exception_ptr(call_error{r.error()}));
    };
    call_async(node_, {name, {{items.items().begin(), items.items().end()}, {}}, timeout}, {},
               settle);
    return promise->get_future();
  }
  static std::string outcome(std::future<value>& answer) {
    REQUIRE(answer.wait_for(patience) == std::future_status::ready);
    try {
      return "ok " + repr(answer.get()).value();
    } catch (const call_error& e) {
      auto raised = to_exception(e.why());
      auto type = std::string{raised.exception_type()};
      std::vector<value> args{raised.exception_args().begin(), raised.exception_args().end()};
      return "error " + type.substr(type.rfind('.') + 1) + " " + repr(value::tuple(args)).value();
    }
  }

  system_config config_;
  caf::actor_system system_{config_};
  tcp_broker_actor node_;
  patio::tests::broker_slot back_;
};

class python_side final : public side {
public:
  python_side(const std::string& kind, const std::string& key) : peer_{kind, key} {}
  endpoint listen() override { return peer_.where(); }
  void connect(const endpoint& server) override { REQUIRE(peer_.connect(server)); }
  std::string call(const std::string& name, const std::string& args, double timeout,
                   int times) override {
    auto answer = peer_.call(name, args, timeout, times);
    std::string text;
    for (const auto& part : answer) text += (text.empty() ? "" : " ") + part.get<std::string>();
    return text;
  }

private:
  python_peer peer_;
};

std::unique_ptr<side> make(bool python, const std::string& kind, const std::string& key) {
  if (python) return std::make_unique<python_side>(kind, key);
  return std::make_unique<cpp_side>(key);
}

void check_prefix(const std::string& text, const std::string& prefix) {
  INFO(text << " should begin with " << prefix);
  CHECK(text.starts_with(prefix));
}

void check_calls(side& caller, bool peer_is_python, bool caller_is_python) {
  CHECK(caller.call("add", "(20, 22)") == "ok 42");
  CHECK(caller.call("mul", "(2, 3, 7)") == "ok 42");
  CHECK(caller.call("echo", "({'a': [1, 2.5, None], 'b': (b'x', 'y', 3j)},)")
        == "ok {'a': [1, 2.5, None], 'b': (b'x', 'y', 3j)}");
  CHECK(caller.call("div", "(1, 0)") == "error ZeroDivisionError ('division by zero',)");
  CHECK(caller.call("lookup", "('zz',)") == "error KeyError ('zz',)");
  CHECK(caller.call("add", "(1, 2)", 20, 200) == "ok 3");
  // A C++ exception arrives as a RuntimeError with its type's name. A Python exception of an
  // unknown class keeps the name of its class.
  if (!peer_is_python) check_prefix(caller.call("house", "('brick',)"), "error RuntimeError ('");
  else if (!caller_is_python)
    CHECK(caller.call("house", "('brick',)") == "error HouseError ('brick', 7)");
  check_prefix(caller.call("never", "()", 0.2), "error TimeoutError");
  check_prefix(caller.call("add", "(1,)"), "error TypeError");
  // A Python caller waits forever for an unknown name, which blocks its other calls. A C++ caller
  // gets an error.
  if (!caller_is_python) check_prefix(caller.call("unheard_of", "()", 0.3), "error ");
  CHECK(caller.call("add", "(2, 3)") == "ok 5");
}

} // namespace

TEST_CASE("interop: every pair of languages works with either side as the caller and with every "
          "kind of key") {
  for (bool server_is_python : {false, true})
    for (bool client_is_python : {false, true})
      for (const auto& key : {std::string{}, std::string{"secret"}, std::string(32, '\x9c')}) {
        CAPTURE(server_is_python);
        CAPTURE(client_is_python);
        CAPTURE(key.size());
        auto server = make(server_is_python, "server", key),
             client = make(client_is_python, "client", key);
        client->connect(server->listen());
        check_calls(*client, server_is_python, client_is_python);
        check_calls(*server, client_is_python, server_is_python);
      }
}

TEST_CASE("interop: a function in C++ or Python can call its caller back") {
  auto server = make(false, "server", ""), client = make(true, "client", "");
  client->connect(server->listen());
  CHECK(client->call("call_back", "('add', 1, 2)", 20, 3) == "ok 3");
  CHECK(server->call("call_back", "('mul', 2, 5)", 20, 3) == "ok 10");
}

TEST_CASE("interop: a client with a wrong key is refused, and other clients are still served") {
  cpp_side server{"right"}, good{"right"};
  auto where = server.listen();
  good.connect(where);
  SUBCASE("a C++ client gets the error login_refused") {
    system_config config;
    caf::actor_system sys{config};
    auto wrong = spawn_tcp_broker(sys, null_executor(), {.key = "wrong"});
    auto login = patio::connect(wrong, where, {.gives_up = patio::give_up::at_first_failure}).get();
    REQUIRE_FALSE(login);
    CHECK(login.error().code == errc::login_refused);
    shut_down(wrong);
  }
  SUBCASE("a Python client gets no connection") {
    python_peer wrong{"client", "wrong"};
    CHECK_FALSE(wrong.connect(where, 0.5));
  }
  CHECK(good.call("add", "(1, 1)", 20, 1) == "ok 2");
}

TEST_CASE("interop: a login with a wrong key at a Python server ends after the handshake timeout") {
  python_peer server{"server", "right"};
  system_config config;
  caf::actor_system sys{config};
  tcp_options options{.key = "wrong"};
  // Such a server neither answers nor closes.
  options.limits.handshake_timeout = std::chrono::milliseconds{300};
  auto node = spawn_tcp_broker(sys, null_executor(), options);
  auto login =
    patio::connect(node, server.where(), {.gives_up = patio::give_up::at_first_failure}).get();
  REQUIRE_FALSE(login);
  CHECK(login.error().code == errc::login_refused);
  shut_down(node);
}

TEST_CASE("interop: a call at a Python peer fails at once when the peer dies") {
  auto peer = std::make_unique<python_peer>("server", "");
  auto where = peer->where();
  system_config config;
  caf::actor_system sys{config};
  auto node = spawn_tcp_broker(sys, null_executor());
  REQUIRE(patio::connect(node, where).get());
  auto waiting = call(node, "never");
  // This call follows the call of `never`, which has therefore also been sent.
  REQUIRE(call<std::int64_t>(node, "add", 1, 2).get() == 3);
  peer.reset();
  REQUIRE(waiting.wait_for(patience) == std::future_status::ready);
  try {
    (void)waiting.get();
    FAIL("a value from a dead peer");
  } catch (const call_error& e) {
    CHECK(e.why().code == errc::maybe_executed);
  }
  shut_down(node);
}
