#include "rabbitmq_server.hpp"

using namespace patio;
using namespace patio::tests;
using namespace std::chrono_literals;
using nlohmann::json;

// The tests kill servers, callers and RabbitMQ itself.
namespace {

/// A C++ server in its own process.
class served_process {
public:
  explicit served_process(const rabbitmq_server& server, const std::string& policy = "")
      : child_{{RABBITMQ_TEST_SERVER, server.url(), policy}} {
    (void)child_.await("serving");
  }
  [[nodiscard]] process& child() noexcept { return child_; }

private:
  process child_;
};

} // namespace

TEST_CASE("rabbitmq: a call of a killed C++ server is not run again by another C++ server") {
  rabbitmq_node client{shared_rabbitmq()};
  auto first = std::make_unique<served_process>(shared_rabbitmq());
  auto running = call<std::int64_t>(client.broker(), "hang");
  (void)first->child().await("started");
  served_process second{shared_rabbitmq()};
  first->child().signal(SIGKILL);
  auto why = failure(std::move(running));
  CHECK(why.code == errc::maybe_executed);
  CHECK(ended(call<std::int64_t>(client.broker(), "one")) == 1);
}

TEST_CASE("rabbitmq: a call of a killed C++ server runs again if the options say so") {
  rabbitmq_node client{shared_rabbitmq()};
  auto first = std::make_unique<served_process>(shared_rabbitmq(), "again");
  auto running = call<std::int64_t>(client.broker(), "again");
  (void)first->child().await("started");
  served_process second{shared_rabbitmq(), "again"};
  first->child().signal(SIGKILL);
  (void)second.child().await("started");
  second.child().write_line("go");
  CHECK(ended(std::move(running)) == 2);
}

TEST_CASE("rabbitmq: a call of a killed Python server is not run by a C++ server") {
  rabbitmq_peer python{shared_rabbitmq(), "killed."};
  rabbitmq_node client{shared_rabbitmq()};
  auto running = call<value>(client.broker(), "killed.never");
  (void)python.child().await("[\"started\"]");
  registry rpc;
  rpc.add("killed.never", [] { return 1; });
  rabbitmq_node server{shared_rabbitmq(), rpc};
  python.child().signal(SIGKILL);
  CHECK(failure(std::move(running)).code == errc::maybe_executed);
}

TEST_CASE("rabbitmq: a killed caller does not disturb its server") {
  auto gate = std::make_shared<on_demand>();
  auto functions = engine_functions("caller.");
  gate->add_to(functions);
  rabbitmq_node server{shared_rabbitmq(), functions};
  rabbitmq_peer doomed{shared_rabbitmq()};
  doomed.child().write_line(json{{"call", "later"}, {"args", "()"}, {"times", 8}}.dump());
  gate->await_started(8);
  doomed.child().signal(SIGKILL);
  for (int i = 0; i < 8; ++i) gate->answer_one();
  rabbitmq_peer next{shared_rabbitmq()};
  CHECK(next.call("caller.mul", "(6, 7)") == json{"ok", "42"});
}

TEST_CASE("rabbitmq: everything works again after RabbitMQ was killed and restarted") {
  log_capture log;
  auto rabbit = std::make_unique<rabbitmq_server>();
  auto gate = std::make_shared<on_demand>();
  auto rpc = engine_functions("back.");
  gate->add_to(rpc);
  limits often;
  often.reconnect.longest_delay = 1s;
  rabbitmq_node server{*rabbit, rpc, {.limits = often}};
  rabbitmq_node client{*rabbit, registry{}, {.limits = often}};
  auto pending = call<std::int64_t>(client.broker(), "later");
  gate->await_started(1);
  auto port = rabbit->port();
  rabbit->kill();
  CHECK(failure(std::move(pending)).code == errc::maybe_executed);
  auto waiting = call<std::int64_t>(client.broker(), {"back.mul", {.timeout = 1s}}, 6, 7);
  CHECK(failure(std::move(waiting)).code == errc::timeout);
  rabbit = std::make_unique<rabbitmq_server>(std::vector<std::string>{}, port);
  (void)ended(ready(server.broker()));
  (void)ended(ready(client.broker()));
  CHECK(ended(call<std::int64_t>(client.broker(), "back.mul", 6, 7)) == 42);
  gate->answer_one(); // nobody waits for it any more
}
