// How TCP brokers end: every caller gets an answer, and nothing is left behind.
#include <doctest/doctest.h>
#include <malloc.h>

#include <filesystem>

#include "nodes.hpp"

using namespace patio;
using namespace patio::tests;
using namespace std::chrono_literals;

namespace {

tcp_options draining(std::chrono::milliseconds drain) {
  tcp_options o;
  o.limits.drain_timeout = drain;
  return o;
}

registry with_later(on_demand& later) {
  registry rpc;
  rpc.add("two", [] { return 2; });
  later.add_to(rpc);
  return rpc;
}

std::size_t entries(const char* folder) {
  auto all = std::filesystem::directory_iterator{folder};
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

struct usage {
  std::size_t descriptors = entries("/proc/self/fd"), threads = entries("/proc/self/task");
};

/// Waits, because CAF's I/O thread closes the descriptors of an ended node later, and the kernel
/// may still list a joined thread.
void check_no_more_than(const usage& before) {
  auto until = std::chrono::steady_clock::now() + patience;
  usage now;
  auto more = [&] { return now.descriptors > before.descriptors || now.threads > before.threads; };
  while (more() && std::chrono::steady_clock::now() < until) now = usage{};
  CHECK(now.descriptors <= before.descriptors);
  CHECK(now.threads <= before.threads);
}

} // namespace

TEST_CASE("tcp_broker: a shutdown lets running functions end within the drain time, and sends "
          "their answers") {
  on_demand later;
  auto server = std::make_unique<tcp_node>(with_later(later));
  tcp_node client;
  client.connect(server->listen());
  auto running = call<std::int64_t>(client.broker(), "later");
  later.await_started(1);
  auto ending = std::async(std::launch::async, [&] { server.reset(); });
  CHECK_FALSE(is_ready(ending));
  later.answer_one();
  CHECK(ended(running) == 7);
  ended(ending);
}

TEST_CASE("tcp_broker: a shutdown with calls in flight answers every caller on both sides") {
  log_capture log;
  on_demand later;
  auto server =
    std::make_unique<tcp_node>(with_later(later), draining(20ms), pool_options{.workers = 64});
  auto client =
    std::make_unique<tcp_node>(with_later(later), draining(20ms), pool_options{.workers = 64});
  client->connect(server->listen());
  std::vector<call_future<std::int64_t>> calls;
  std::vector<call_future<std::int64_t>> routeless;
  for (int i = 0; i < 50; ++i) {
    calls.push_back(call<std::int64_t>(client->broker(), "later"));
    calls.push_back(call<std::int64_t>(server->broker(), "later"));
    routeless.push_back(call<std::int64_t>(client->broker(), "unheard_of"));
  }
  later.await_started(100);
  SUBCASE("the side that dialled") { client.reset(); }
  SUBCASE("the side that listens") {
    server.reset();
    client.reset();
  }
  for (auto& f : calls)
    CHECK(failure(std::move(f)).code == errc::maybe_executed); // the calls were sent and still run
  for (auto& f : routeless) CHECK(failure(std::move(f)).code == errc::shut_down);
}

TEST_CASE("tcp_broker: after its end, calls, connects and a second shut_down end at once") {
  tcp_node node, other;
  auto where = other.listen();
  shut_down(node.broker());
  for (int i = 0; i < 10; ++i) CHECK(failure(call(node.broker(), "two")).code == errc::shut_down);
  CHECK(ended(connect(node.broker(), where)).error().code == errc::shut_down);
  CHECK(ask<std::vector<peer_info>>(node.broker(), peers_atom::value).error().code
        == errc::shut_down);
  shut_down(node.broker());
}

TEST_CASE("tcp_broker: waiting joins and connects are answered when the node ends") {
  tcp_node node;
  std::promise<void> joined;
  node.system().spawn([&](caf::event_based_actor* self) {
    auto told = [&] { joined.set_value(); };
    self->request(node.broker(), caf::infinite, join_atom::value)
      .then(told, [told](const caf::error&) { told(); }); // the node may have ended before
  });
  log_capture log;
  auto login = connect(node.broker(), "127.0.0.1:1");
  log.await("event=disconnected");
  shut_down(node.broker());
  ended(joined.get_future());
  CHECK(ended(login).error().code == errc::shut_down);
}

TEST_CASE("tcp_broker: an exit message ends a node like a shutdown without a drain, and every call "
          "is answered") {
  log_capture log;
  on_demand later;
  tcp_node server{with_later(later), draining(0ms)}, client;
  client.connect(server.listen());
  auto waiting = call(client.broker(), "later");
  auto routeless = call(client.broker(), "unheard_of");
  later.await_started(1);
  caf::anon_send_exit(client.broker(), caf::exit_reason::kill);
  CHECK(failure(std::move(waiting)).code == errc::maybe_executed);
  CHECK(failure(std::move(routeless)).code == errc::shut_down);
}

TEST_CASE("tcp_broker: a call that is made while its node ends is answered") {
  log_capture log;
  tcp_node server{[] {
    registry rpc;
    rpc.add("two", [] { return 2; });
    return rpc;
  }()};
  auto where = server.listen();
  for (int round = 0; round < 30; ++round) {
    auto client = std::make_unique<tcp_node>();
    client->connect(where);
    std::vector<call_future<value>> all;
    auto broker = client->broker();
    auto ending = std::async(std::launch::async, [&] { shut_down(broker); });
    for (int i = 0; i < 100; ++i) all.push_back(call(broker, "two"));
    ended(ending);
    std::size_t told = 0;
    for (auto& f : all) {
      try {
        told += ended(f) == value{2};
      } catch (const call_error& e) {
        told += e.why().code == errc::shut_down || e.why().code == errc::not_sent
                || e.why().code == errc::maybe_executed;
      }
    }
    CHECK(told == all.size());
  }
}

TEST_CASE("tcp_broker: a node that has shut down has closed its ports") {
  tcp_node first;
  auto where = first.listen();
  shut_down(first.broker());
  for (int i = 0; i < 30; ++i) {
    tcp_node next;
    CHECK(next.listen(where.host, where.port) == where);
  }
}

TEST_CASE("tcp_broker: a thousand starts and stops leave no descriptor and no thread behind") {
  log_capture log;
  auto start_and_stop = [] {
    registry rpc;
    rpc.add("two", [] { return 2; });
    tcp_node server{rpc}, client;
    client.connect(server.listen());
    CHECK(ended(call<std::int64_t>(client.broker(), "two")) == 2);
  };
  start_and_stop();
  usage before;
  for (int i = 0; i < 1000; ++i) start_and_stop();
  check_no_more_than(before);
}

TEST_CASE("tcp_broker: a thousand nodes one after another in one system leave no descriptor and no "
          "thread behind") {
  log_capture log;
  system_config config;
  caf::actor_system system{config};
  registry rpc;
  rpc.add("two", [] { return 2; });
  auto start_and_stop = [&] {
    auto server = spawn_tcp_broker(system, spawn_async_pool(system, rpc)),
         client = spawn_tcp_broker(system, null_executor());
    auto where = listen(server, "127.0.0.1:0").value();
    REQUIRE(ended(connect(client, where)));
    CHECK(ended(call<std::int64_t>(client, "two")) == 2);
    shut_down(client);
    shut_down(server);
  };
  start_and_stop();
  usage before;
  for (int i = 0; i < 1000; ++i) start_and_stop();
  check_no_more_than(before);
}

TEST_CASE("tcp_broker: answered calls with long timeouts leave no memory behind") {
  registry rpc;
  rpc.add("two", [] { return 2; });
  tcp_node server{rpc, {}, {.workers = 8, .queue_per_worker = 100}}, client;
  client.connect(server.listen());
  auto call_often = [&](int rounds) {
    for (int round = 0; round < rounds; ++round) {
      std::vector<call_future<std::int64_t>> all;
      for (int i = 0; i < 100; ++i)
        all.push_back(call<std::int64_t>(client.broker(), {"two", {.timeout = 24h - i * 1s}}));
      for (auto& f : all) CHECK(ended(f) == 2);
    }
  };
  call_often(100);
  auto before = mallinfo2().uordblks;
  call_often(300);
  CHECK(mallinfo2().uordblks < before + (std::size_t{1} << 20)); // with CAF's own request timeouts,
                                                                 // 5 MiB would stay allocated here
}
