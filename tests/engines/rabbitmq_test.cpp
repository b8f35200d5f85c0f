#include "rabbitmq_server.hpp"

#include <semaphore>

#include <patio/value/repr.hpp>

using namespace patio;
using namespace patio::tests;
using namespace std::chrono_literals;
using nlohmann::json;

// C++ and Python on either side of a real RabbitMQ.

TEST_CASE("rabbitmq: C++ calls C++") {
  rabbitmq_node server{shared_rabbitmq(), engine_functions("cc.")};
  rabbitmq_node client{shared_rabbitmq()};
  CHECK(ended(call<std::int64_t>(client.broker(), "cc.mul", 6, 7)) == 42);
  auto v = value::tuple({1, "x", value::list({2.5, {}})});
  CHECK(ended(call<value>(client.broker(), "cc.echo", v)) == v);
  auto why = failure(call<std::int64_t>(client.broker(), "cc.house", "boo"));
  CHECK(to_string(why) == "ValueError: ('boo', 7)");
}

TEST_CASE("rabbitmq: C++ calls Python") {
  rabbitmq_peer server{shared_rabbitmq(), "cp."};
  rabbitmq_node client{shared_rabbitmq()};
  CHECK(ended(call<std::int64_t>(client.broker(), "cp.mul", 6, 7)) == 42);
  auto v = value::tuple({1, "x", value::list({2.5, {}}), value::bytearray("ab")});
  CHECK(ended(call<value>(client.broker(), "cp.echo", v)) == v);
  call_target with_keyword{"cp.echo", {}, {{"k", value{3}}}};
  auto both = value::tuple({value::tuple({1}), value::dict({{"k", 3}})});
  CHECK(ended(call<value>(client.broker(), with_keyword, 1)) == both);
  CHECK(raised(failure(call<value>(client.broker(), "cp.div", 1, 0)))
        == "builtins.ZeroDivisionError");
  auto own = failure(call<value>(client.broker(), "cp.house", "boo"));
  CHECK(raised(own) == "__main__.HouseError");
}

TEST_CASE("rabbitmq: Python calls C++") {
  rabbitmq_node server{shared_rabbitmq(), engine_functions("pc.")};
  rabbitmq_peer client{shared_rabbitmq()};
  CHECK(client.call("pc.mul", "(6, 7)") == json{"ok", "42"});
  CHECK(client.call("pc.echo", "((1, b'x', {'k': [None, 2.5]}),)")
        == json{"ok", "(1, b'x', {'k': [None, 2.5]})"});
  CHECK(client.call("pc.house", "('boo',)") == json{"error", "ValueError", "('boo', 7)"});
  CHECK(client.call("pc.mul", "(2, 3)", 20, 500) == json{"ok", "6"});
}

TEST_CASE("rabbitmq: 500 calls in flight") {
  rabbitmq_node server{shared_rabbitmq(), engine_functions("many.c.")};
  rabbitmq_peer python{shared_rabbitmq(), "many.p."};
  rabbitmq_node client{shared_rabbitmq()};
  for (const auto* name : {"many.c.mul", "many.p.mul"}) {
    std::vector<call_future<std::int64_t>> all;
    for (std::int64_t i = 0; i < 500; ++i)
      all.push_back(call<std::int64_t>(client.broker(), name, i, 2));
    for (std::int64_t i = 0; i < 500; ++i) CHECK(ended(all[static_cast<std::size_t>(i)]) == 2 * i);
  }
}

TEST_CASE("rabbitmq: an unknown name has no route, at once") {
  rabbitmq_node client{shared_rabbitmq()};
  CHECK(failure(call<value>(client.broker(), "nobody.serves.this")).code == errc::no_route);
  rabbitmq_peer python{shared_rabbitmq()};
  auto seen = python.call("nobody.serves.this", "()");
  CHECK(seen[0] == "error");
}

TEST_CASE("rabbitmq: the caller's own clock ends a call that a Python server runs") {
  rabbitmq_peer server{shared_rabbitmq(), "late."};
  rabbitmq_node client{shared_rabbitmq()};
  auto begun = std::chrono::steady_clock::now();
  auto why = failure(call<value>(client.broker(), {"late.never", {.timeout = 1s}}));
  CHECK(why.code == errc::timeout);
  CHECK(std::chrono::steady_clock::now() - begun < 10s);
}

TEST_CASE("rabbitmq: each poison of a Python server leaves a C++ server alive") {
  rabbitmq_node server{shared_rabbitmq(), engine_functions("poison.")};
  rabbitmq_peer stranger{shared_rabbitmq()};
  for (const auto* body : {"67617262616765", "", "80047d942e", "636f730a6765746377640a2874522e",
                           "80049506000000000000005d944b01612e"}) {
    auto seen = stranger.ask({{"put", "poison.mul"}, {"body", body}, {"reply", true}});
    CHECK(seen[0] == "answer");
    CHECK(seen[1] == "error");
    CHECK(stranger.ask({{"put", "poison.mul"}, {"body", body}})[0] == "sent");
    CHECK(stranger.call("poison.mul", "(6, 7)", 20) == json{"ok", "42"});
  }
  // A result above RabbitMQ's max_message_size, which is 1 MiB here.
  auto large = stranger.call("poison.large", "(2000000,)", 20);
  CHECK(large == json{"error", "ConnectionError", large[2]});
  CHECK(stranger.call("poison.large", "(2000000,)", 20)[1] == "ValueError");
  CHECK(stranger.call("poison.mul", "(6, 7)", 20) == json{"ok", "42"});
}

TEST_CASE("rabbitmq: a request over RabbitMQ's limit fails alone") {
  rabbitmq_node server{shared_rabbitmq(), engine_functions("big.")};
  rabbitmq_node client{shared_rabbitmq()};
  CHECK(ended(call<std::int64_t>(client.broker(), "big.mul", 1, 1)) == 1);
  auto big = call<value>(client.broker(), "big.echo", std::string(2'000'000, 'x'));
  CHECK(failure(std::move(big)).code == errc::maybe_executed);
  CHECK(ended(call<std::int64_t>(client.broker(), "big.mul", 6, 7)) == 42);
}

TEST_CASE("rabbitmq: a queue that Python declared otherwise is an error that names the argument") {
  rabbitmq_peer python{shared_rabbitmq(), "dur.", {"--durable"}};
  log_capture log;
  system_config config;
  caf::actor_system sys{config};
  registry rpc;
  rpc.add("dur.mul", [](std::int64_t a, std::int64_t b) { return a * b; });
  auto pool = spawn_async_pool(sys, rpc);
  owned_broker node{spawn_rabbitmq_broker(sys, pool, {.url = shared_rabbitmq().url()})};
  auto refused = ended(ready(node));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::invalid);
  CHECK(refused.error().message.find("inequivalent arg 'durable'") != std::string::npos);
  (void)log.await("event=refused");
  rabbitmq_options durable;
  durable.serve.queue.durable = true;
  rabbitmq_node right{shared_rabbitmq(), rpc, std::move(durable)};
  CHECK(python.call("dur.mul", "(6, 7)") == json{"ok", "42"});
}

TEST_CASE("rabbitmq: a wrong password and a wrong virtual host are told") {
  auto why = [](const std::string& login, const std::string& host) {
    log_capture quiet;
    system_config config;
    caf::actor_system sys{config};
    auto url = "amqp://" + login + "@127.0.0.1:" + std::to_string(shared_rabbitmq().port()) + host;
    owned_broker node{spawn_rabbitmq_broker(sys, null_executor(), {.url = url})};
    auto outcome = ended(ready(node, {.until_connected = false}));
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().code == errc::login_refused);
    return outcome.error().message;
  };
  auto refused = why("guest:verysecret", "/");
  CHECK(refused.find("ACCESS_REFUSED") != std::string::npos);
  CHECK(refused.find("verysecret") == std::string::npos);
  CHECK(why("guest:guest", "/nope").find("vhost nope not found") != std::string::npos);
}

TEST_CASE("rabbitmq: wrong options throw with a reason") {
  system_config config;
  caf::actor_system sys{config};
  auto spawn = [&](rabbitmq_options options, const executors& pools = null_executor()) {
    (void)spawn_rabbitmq_broker(sys, pools, std::move(options));
  };
  CHECK_THROWS_WITH_AS(spawn({.url = "amqp://host/?cafile=x"}), doctest::Contains("cafile"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(spawn({.url = "redis://host/"}), doctest::Contains("amqps://"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(spawn({.url = "amqp://host/", .tls = tls_options{}}),
                       doctest::Contains("amqps://"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(spawn({.functions = {{"nosuch", {}}}}), doctest::Contains("nosuch"),
                       std::invalid_argument);
  registry bad;
  bad.add("amq.x", [] { return 1; });
  CHECK_THROWS_WITH_AS(spawn({}, spawn_async_pool(sys, bad)), doctest::Contains("amq."),
                       std::invalid_argument);
}

TEST_CASE("rabbitmq: a ping is one round trip, and peers() names the server") {
  rabbitmq_node client{shared_rabbitmq()};
  CHECK(ask<void>(client.broker(), ping_atom::value));
  auto peers = ask<std::vector<peer_info>>(client.broker(), peers_atom::value).value();
  REQUIRE(peers.size() == 1);
  CHECK(peers[0].address == "127.0.0.1:" + std::to_string(shared_rabbitmq().port()));
}

TEST_CASE("rabbitmq: a server that drains answers what it has taken") {
  auto gate = std::make_shared<on_demand>();
  registry rpc;
  gate->add_to(rpc);
  auto server = std::make_unique<rabbitmq_node>(shared_rabbitmq(), rpc);
  rabbitmq_node client{shared_rabbitmq()};
  auto first = call<std::int64_t>(client.broker(), "later");
  gate->await_started(1);
  std::thread end{[&] { server.reset(); }};
  gate->answer_one();
  CHECK(ended(std::move(first)) == 7);
  end.join();
}

TEST_CASE("rabbitmq: a cancelled call and a passed deadline stop the function at a C++ server") {
  std::counting_semaphore<8> started{0}, stopped{0};
  registry rpc;
  rpc.add("stop.wait", [&](std::stop_token stop) {
    std::promise<void> over;
    std::stop_callback end{stop, [&] { over.set_value(); }};
    started.release();
    over.get_future().wait();
    stopped.release();
  });
  rabbitmq_node server{shared_rabbitmq(), rpc};
  rabbitmq_peer python{shared_rabbitmq(), "stop.p."};
  rabbitmq_node client{shared_rabbitmq()};
  auto cancelled = call<value>(client.broker(), "stop.wait");
  REQUIRE(started.try_acquire_for(20s));
  cancelled.cancel();
  CHECK(failure(std::move(cancelled)).code == errc::cancelled);
  CHECK(stopped.try_acquire_for(20s));
  auto late = call<value>(client.broker(), {"stop.wait", {.timeout = 2s}});
  REQUIRE(started.try_acquire_for(20s));
  CHECK(failure(std::move(late)).code == errc::timeout);
  CHECK(stopped.try_acquire_for(20s));
  // A Python server is not disturbed, whatever C++ nodes tell each other.
  auto running = call<value>(client.broker(), {"stop.p.never", {.timeout = 1s}});
  CHECK(failure(std::move(running)).code == errc::timeout);
  CHECK(ended(call<std::int64_t>(client.broker(), "stop.p.mul", 6, 7)) == 42);
}
