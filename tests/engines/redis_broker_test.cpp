// The library over a real Redis, whose port is in PATIO_REDIS_PORT.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>

#include <patio/patio.hpp>

#include "outcomes.hpp"

using namespace patio;
using namespace std::chrono_literals;

namespace {

std::string redis_url() {
  return std::string{"redis://127.0.0.1:"} + std::getenv("PATIO_REDIS_PORT");
}

struct functions_for_test {
  std::atomic<int> begun{0}, stopped{0};
  registry rpc{{.project = "t"}};

  functions_for_test() {
    rpc.add("mul", [](std::int64_t a, std::int64_t b) { return a * b; });
    rpc.add("quick", [](std::int64_t a) { return a + 1; }, {.quick = true});
    rpc.add("fail", [](const std::string& text) -> std::int64_t {
      throw python_error{"ValueError", {text}};
    });
    rpc.add("large", [](std::int64_t n) { return std::string(static_cast<std::size_t>(n), 'x'); });
    rpc.add("wait", [this](std::stop_token stop) {
      std::promise<void> over;
      std::stop_callback end{stop, [&] { over.set_value(); }};
      ++begun;
      begun.notify_all();
      over.get_future().wait();
      ++stopped;
      stopped.notify_all();
    });
    rpc.add("later",
            [](reply_to<std::string> reply, std::string text) { reply.answer(text + ", later"); });
  }
};

struct world {
  functions_for_test functions;
  system_config config;
  caf::actor_system sys{config};
  engine_broker_actor server = spawn_redis_broker(
    sys, spawn_thread_pool(sys, functions.rpc, {.workers = 8}), {.url = redis_url()});
  engine_broker_actor caller = spawn_redis_broker(sys, null_executor(), {.url = redis_url()});
  owned_broker<engine_broker_actor> owner_of_server{server}, owner_of_caller{caller};
};

} // namespace

TEST_CASE("redis_broker: typed calls get values and errors") {
  world w;
  REQUIRE(connected(w.caller).get());
  CHECK(patio::call<std::int64_t>(w.caller, "mul", 6, 7).get() == 42);
  CHECK(patio::call<std::int64_t>(w.caller, "quick", 6).get() == 7);
  CHECK(patio::call<std::string>(w.caller, "later", "yes").get() == "yes, later");
  CHECK(patio::call<std::string>(w.caller, "large", 1'000'000).get().size() == 1'000'000);
  try {
    patio::call<std::int64_t>(w.caller, "fail", "boom").get();
    FAIL("no error");
  } catch (const call_error& e) {
    CHECK(std::string{e.what()}.ends_with("ValueError: boom"));
  }
  try {
    patio::call<std::int64_t>(w.caller, {"nobody.serves.it", {.timeout = 200ms}}).get();
    FAIL("no error");
  } catch (const call_error& e) {
    CHECK(e.why().code == errc::timeout);
    CHECK(e.why().remedy == remedy::repetition);
  }
}

TEST_CASE("redis_broker: a remote function is a typed actor") {
  world w;
  auto mul =
    patio::remote<std::int64_t(std::int64_t, std::int64_t)>(w.caller, "mul", {.timeout = 20s});
  caf::scoped_actor self{w.sys};
  self->request(mul, caf::infinite, std::int64_t{6}, std::int64_t{7})
    .receive([](std::int64_t product) { CHECK(product == 42); },
             [](const caf::error& why) { FAIL(to_string(from_caf(why))); });
}

TEST_CASE("redis_broker: five hundred calls are in flight at once") {
  world w;
  std::vector<call_future<std::int64_t>> all;
  for (std::int64_t i = 0; i < 500; ++i)
    all.push_back(patio::call<std::int64_t>(w.caller, {"mul", {.timeout = 30s}}, i, 2));
  for (std::int64_t i = 0; i < 500; ++i) CHECK(all[static_cast<std::size_t>(i)].get() == 2 * i);
}

TEST_CASE("redis_broker: the deadline of the caller stops the function") {
  world w;
  CHECK_THROWS_AS(patio::call<value>(w.caller, {"wait", {.timeout = 300ms}}).get(), call_error);
  w.functions.stopped.wait(0);
  CHECK(w.functions.stopped == 1);
}

TEST_CASE("redis_broker: a cancellation stops the function that runs") {
  world w;
  std::stop_source stop;
  auto waiting = patio::call<value>(w.caller, {"wait", {.timeout = 60s, .stop = stop.get_token()}});
  w.functions.begun.wait(0);
  stop.request_stop();
  CHECK(patio::tests::failure(std::move(waiting)).code == errc::cancelled);
  w.functions.stopped.wait(0);
  CHECK(w.functions.stopped == 1);
}

TEST_CASE("redis_broker: a node that shuts down answers every caller") {
  world w;
  REQUIRE(connected(w.caller).get());
  auto waiting = patio::call<std::int64_t>(w.caller, {"nobody.serves.it", {.timeout = 60s}});
  shut_down(w.caller);
  CHECK(patio::tests::failure(std::move(waiting)).code == errc::shut_down);
}

TEST_CASE("redis_broker: tasks that were popped before the end of a server run and are answered") {
  world w;
  REQUIRE(connected(w.server).get());
  std::vector<call_future<std::int64_t>> all;
  for (std::int64_t i = 0; i < 200; ++i)
    all.push_back(patio::call<std::int64_t>(w.caller, {"mul", {.timeout = 30s}}, i, 2));
  auto other =
    spawn_redis_broker(w.sys, spawn_thread_pool(w.sys, w.functions.rpc), {.url = redis_url()});
  owned_broker owner{other};
  shut_down(w.server);
  for (std::int64_t i = 0; i < 200; ++i) CHECK(all[static_cast<std::size_t>(i)].get() == 2 * i);
}

TEST_CASE("redis_broker: wrong options are refused, and a missing server is reported") {
  system_config config;
  caf::actor_system sys{config};
  for (const char* url : {"", "http://h", "amqp://h", "redis://h/x", "redis://h?ssl=1"})
    CHECK_THROWS_AS((void)spawn_redis_broker(sys, null_executor(), {.url = url}),
                    std::invalid_argument);
  CHECK_THROWS_AS(
    (void)spawn_redis_broker(sys, null_executor(), {.url = redis_url(), .tls = tls_options{}}),
    std::invalid_argument);
  owned_broker nobody{spawn_redis_broker(sys, null_executor(), {.url = "redis://127.0.0.1:1"})};
  auto outcome = connected(nobody).get();
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code == errc::connect_failed);
}
