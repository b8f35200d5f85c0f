// The service: one object in place of configuration, system, registry, pool, broker and signals.
#include <doctest/doctest.h>

#include <unistd.h>

#include <csignal>

#include <patio/patio.hpp>

#include "outcomes.hpp"

using namespace patio;
using namespace patio::tests;
using namespace std::chrono_literals;

namespace {

std::int64_t add(std::int64_t a, std::int64_t b) { return a + b; }

/// A service that serves one function, which answers when the test says so.
struct slow_service {
  std::promise<reply_to<std::int64_t>> begun;
  service svc;
  endpoint where;

  slow_service() {
    svc.add("slow", [this](reply_to<std::int64_t> r) { begun.set_value(std::move(r)); });
    where = svc.listen("127.0.0.1:0");
  }
};

template <class F>
service_error refusal(F step) {
  try {
    step();
  } catch (const service_error& e) {
    return e;
  }
  FAIL("no service_error");
  return service_error{{}};
}

std::string text_of_refusal(const std::function<void()>& step) { return refusal(step).what(); }

} // namespace

TEST_CASE("service: two services serve and call each other's functions") {
  service server{{.key = "secret"}};
  server.add("add", add);
  auto where = server.listen("127.0.0.1:0");
  service client{{.key = "secret"}};
  client.add("half", [](std::int64_t n) { return n / 2; });
  client.connect(to_string(where));
  CHECK(ended(call<std::int64_t>(client, "add", 6, 7)) == 13);
  CHECK(ended(call<std::int64_t>(server, "half", 42)) == 21);
  auto sum = remote<std::int64_t(std::int64_t, std::int64_t)>(client, "add");
  CHECK(ended(sum(6, 7)) == 13);
}

TEST_CASE("service: run returns after a signal, and after stop") {
  service svc;
  svc.add("add", add);
  (void)svc.listen("127.0.0.1:0");
  SUBCASE("SIGTERM") { ::kill(::getpid(), SIGTERM); }
  SUBCASE("SIGINT") { ::kill(::getpid(), SIGINT); }
  SUBCASE("stop before run") { svc.stop(); }
  SUBCASE("stop from a thread") {
    std::jthread{[&svc] { svc.stop(); }};
  }
  svc.run();
  CHECK(failure(call(svc, "add", 6, 7)).code == errc::shut_down);
}

TEST_CASE("service: run drains") {
  slow_service slow;
  service client;
  client.connect(to_string(slow.where));
  auto answer = call<std::int64_t>(client, "slow");
  auto duty = ended(slow.begun.get_future());
  auto ran = std::async(std::launch::async, [&] { slow.svc.run(); });
  slow.svc.stop();
  CHECK_FALSE(is_ready(ran));
  duty.answer(7);
  CHECK(ended(answer) == 7);
  ended(ran);
}

TEST_CASE("service: the destructor drains a service that has not run") {
  service client;
  call_future<std::int64_t> answer;
  std::jthread answering;
  {
    slow_service slow;
    client.connect(to_string(slow.where));
    answer = call<std::int64_t>(client, "slow");
    answering = std::jthread{[duty = ended(slow.begun.get_future())]() mutable { duty.answer(7); }};
  }
  CHECK(ended(answer) == 7);
}

TEST_CASE("service: functions run in the executors that the program chooses") {
  service svc, client;
  svc.add("may_wait", [&client] {
    try {
      (void)call(client, "unheard_of").wait_for(0s);
      return true;
    } catch (const call_error&) {
      return false;
    }
  });
  bool is_in_scheduler = false;
  SUBCASE("by default, threads of their own") {}
  SUBCASE("the scheduler's threads") {
    is_in_scheduler = true;
    svc.run_in(spawn_async_pool(svc.system(), svc.functions()));
  }
  client.connect(to_string(svc.listen("127.0.0.1:0")));
  CHECK(ended(call<bool>(client, "may_wait")) == !is_in_scheduler);
}

TEST_CASE("service: executors of another registry are refused") {
  service svc;
  CHECK(text_of_refusal([&] { svc.run_in(null_executor()); })
        == "run_in takes executors of this service's functions: spawn them with functions()");
}

TEST_CASE("service: connect waits for a peer that starts later") {
  auto where = to_string(service{}.listen("127.0.0.1:0"));
  service client;
  auto connected = std::async(std::launch::async, [&] { client.connect(where); });
  service server;
  server.add("add", add);
  (void)server.listen(where);
  ended(connected);
  CHECK(ended(call<std::int64_t>(client, "add", 6, 7)) == 13);
}

TEST_CASE("service: stop ends connect") {
  auto where = to_string(service{}.listen("127.0.0.1:0"));
  service client;
  auto connected = std::async(std::launch::async, [&] { client.connect(where); });
  client.stop();
  CHECK(refusal([&] { ended(connected); }).why().code == errc::shut_down);
}

TEST_CASE("service: a refused login is an error that says what to check") {
  service server{{.key = "right"}};
  auto where = to_string(server.listen("127.0.0.1:0"));
  service client{{.key = "wrong"}};
  auto why = refusal([&] { client.connect(where); });
  CHECK(why.what()
        == where
             + ": the login was refused: the peer closed the connection (does this service have "
               "the peer's key?)");
  CHECK(is_refusal(why.why()));
}

TEST_CASE("service: an error has the address and the reason") {
  service svc;
  auto where = to_string(svc.listen("127.0.0.1:0"));
  CHECK(text_of_refusal([&] { (void)svc.listen(where); })
        == "cannot listen on " + where + ": Address already in use");
  CHECK(text_of_refusal([&] { (void)svc.listen("127.0.0.1:port"); })
        == parse_endpoint("127.0.0.1:port").error().message);
  CHECK(text_of_refusal([&] { svc.connect("127.0.0.1:port"); })
        == parse_endpoint("127.0.0.1:port").error().message);
  auto nobody = to_string(service{}.listen("127.0.0.1:0"));
  CHECK(text_of_refusal([&] { svc.connect(nobody, {give_up::at_first_failure}); })
        == "cannot connect to " + nobody + ": Connection refused");
}

TEST_CASE("service: options that are wrong are an error of the first step that needs them") {
  service svc{{.key = std::string(33, 'k')}};
  CHECK(text_of_refusal([&] { svc.run(); }) == "a key has at most 32 bytes, not 33");
}

TEST_CASE("service: a service that nobody can reach does not run") {
  service svc;
  CHECK(text_of_refusal([&] { svc.run(); })
        == "nobody can reach this service: call listen or connect before run");
}

TEST_CASE("service: a TLS file that cannot be read is an error with its path") {
  service svc{{.tls_files = {.authorities = "/nowhere/authority.pem"}}};
  CHECK(text_of_refusal([&] { (void)svc.listen("127.0.0.1:0"); }).find("/nowhere/authority.pem")
        != std::string::npos);
}

TEST_CASE("service: a service has peers at addresses or a server at a URL") {
  service keyed{{.key = "secret"}};
  CHECK(text_of_refusal([&] { keyed.connect("redis://127.0.0.1:1"); })
        == "keys and rules are for peers at HOST:PORT: at redis://127.0.0.1:1, the server's own "
           "users and permissions decide");
  service at_addresses;
  (void)at_addresses.listen("127.0.0.1:0");
  CHECK(text_of_refusal([&] { at_addresses.connect("amqp://user:hidden@127.0.0.1:1"); })
        == "this service has begun to listen, to connect or to call: connect another one to "
           "amqp://user@127.0.0.1:1");
  service at_redis;
  CHECK(text_of_refusal([&] {
          at_redis.connect("redis://127.0.0.1:1", {give_up::at_first_failure});
        }).starts_with("cannot connect to 127.0.0.1:1: "));
  CHECK(text_of_refusal([&] { (void)at_redis.listen("127.0.0.1:0"); })
        == "this service meets its peers at redis://127.0.0.1:1: listen and connect with HOST:PORT "
           "in a second service");
}

TEST_CASE("service: worker processes are chosen before threads start") {
  service svc;
  (void)svc.system();
  char name[] = "program";
  char* argv[] = {name, nullptr};
  CHECK(text_of_refusal([&] { svc.run_in_processes(1, argv); })
        == "run_in_processes comes before listen, connect, run, broker and system, because a "
           "worker process must not start threads first");
}
