// Nodes that shut down while other nodes call them. Calls in flight end, and no other call begins.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "nodes.hpp"

using namespace patio;
using namespace patio::tests;
using namespace std::chrono_literals;

namespace {

registry counting(std::atomic<int>& executed) {
  registry rpc;
  rpc.add("work", [&executed](std::int64_t n) {
    ++executed;
    return n;
  });
  return rpc;
}

/// Keeps `at_once` calls in flight until it is stopped. Every call must return its own value.
class load {
public:
  load(const broker_actor& broker, std::size_t at_once) : broker_{broker} {
    for (std::size_t i = 0; i < at_once; ++i) send();
  }
  /// Waits until `n` more calls have ended.
  void await_more(std::uint64_t n) {
    std::unique_lock lock{mutex_};
    REQUIRE(changed_.wait_for(lock, patience, [&, until = ended_ + n] { return ended_ >= until; }));
  }
  /// Waits for the calls in flight, and returns the errors of the calls that have failed.
  std::vector<std::string> stop() {
    std::unique_lock lock{mutex_};
    stopped_ = true;
    REQUIRE(changed_.wait_for(lock, patience, [&] { return ended_ == begun_; }));
    return failures_;
  }

private:
  void send() {
    std::unique_lock lock{mutex_};
    if (stopped_) return;
    auto n = begun_++;
    lock.unlock();
    call_async(broker_, {"work", {{value{n}}, {}}, {}}, {}, [this, n](const result<value>& r) {
      {
        std::lock_guard guard{mutex_};
        if (!r) failures_.push_back(to_string(r.error()));
        else if (*r != value{n}) failures_.push_back("another call's value");
        ++ended_;
        changed_.notify_all();
      }
      send();
    });
  }

  broker_actor broker_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t begun_ = 0, ended_ = 0;
  bool stopped_ = false;
  std::vector<std::string> failures_;
};

} // namespace

TEST_CASE("go away: a rolling restart of nodes under load fails no call") {
  std::atomic<int> executed{0};
  auto rpc = counting(executed);
  std::array<std::unique_ptr<tcp_node>, 2> servers;
  std::array<endpoint, 2> where;
  tcp_node client{registry{},
                  {.limits = {.reconnect = {.first_delay = 1ms, .longest_delay = 10ms}}}};
  for (std::size_t i = 0; i < 2; ++i) {
    servers[i] = std::make_unique<tcp_node>(rpc);
    where[i] = servers[i]->listen();
    client.connect(where[i]);
  }
  load calls{caf::actor_cast<broker_actor>(client.broker()), 32};
  calls.await_more(500);
  for (int round = 0; round < 10; ++round) {
    auto i = static_cast<std::size_t>(round % 2);
    auto before = client.peers();
    servers[i].reset(); // a clean shutdown, with calls in flight
    calls.await_more(200);
    servers[i] = std::make_unique<tcp_node>(rpc);
    (void)servers[i]->listen("127.0.0.1", where[i].port);
    while (client.peers().size() < 2) std::this_thread::yield();
    calls.await_more(200);
  }
  CHECK(calls.stop() == std::vector<std::string>{});
}

TEST_CASE("go away: a node finishes its running calls and its own calls, and accepts no more") {
  on_demand later;
  registry rpc;
  later.add_to(rpc);
  tcp_node client{rpc};
  tcp_node server{rpc};
  auto peer = client.connect(server.listen());
  auto theirs = call<std::int64_t>(client.broker(), "later");
  later.await_started(1);
  auto ours = call<std::int64_t>(server.broker(), "later");
  later.await_started(2);
  std::thread ends{[&] { shut_down(server.broker()); }};
  // Once the client knows that the server goes away, it routes no more calls to the server. Until
  // then a call may begin there, and ends at its timeout.
  auto refused = [&] {
    return failure(call<std::int64_t>(client.broker(),
                                      call_target{"later", {.timeout = 10ms, .only = peer.id}}))
      .code;
  };
  while (refused() != errc::no_route) {}
  CHECK_FALSE(is_ready(theirs));
  CHECK_FALSE(is_ready(ours));
  later.answer_one();
  later.answer_one();
  CHECK(ended(theirs) == 7);
  CHECK(ended(ours) == 7);
  ends.join();
  CHECK(failure(call<std::int64_t>(server.broker(), "later")).code == errc::shut_down);
}

TEST_CASE("go away: a call that is not finished within the drain time fails, and the node ends") {
  on_demand later;
  registry rpc;
  later.add_to(rpc);
  auto server = std::make_unique<tcp_node>(rpc, tcp_options{.limits = {.drain_timeout = 50ms}});
  tcp_node client;
  client.connect(server->listen());
  auto stuck = call<std::int64_t>(client.broker(), "later");
  later.await_started(1);
  server.reset();
  CHECK(failure(std::move(stuck)).code == errc::maybe_executed);
}
