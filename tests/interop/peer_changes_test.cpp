// What changes while real Python patio 0.1.4 peers are connected: what they serve, whether they
// live, and whether we do.
#include <doctest/doctest.h>

#include <csignal>
#include <thread>

#include "nodes.hpp"
#include "python_peer.hpp"

using namespace patio;
using namespace patio::tests;

namespace {

/// Peers are asked every second what they serve.
tcp_options inquisitive() {
  tcp_options options;
  options.limits.probe_interval = std::chrono::seconds{1};
  return options;
}

/// What is not so yet, but must become so.
template <class Condition>
void await(Condition condition) {
  auto until = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    REQUIRE(std::chrono::steady_clock::now() < until);
    std::this_thread::yield();
  }
}

} // namespace

TEST_CASE("interop: what a Python peer adds or takes away is noticed while it is connected") {
  python_peer server{"server", ""};
  tcp_node node{registry{}, inquisitive()};
  node.connect(server.where());
  auto serves = [&](const std::string& name) {
    auto names = node.peers().at(0).names;
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  CHECK_FALSE(serves("late"));
  ended(call<>(node.broker(), "grow", "late"));
  CHECK(ended(call<std::int64_t>(node.broker(), "late", 6, 7)) == 42); // waits until it is known
  CHECK(serves("late"));
  ended(call<>(node.broker(), "shrink", "late"));
  await([&] { return !serves("late"); });
}

TEST_CASE("interop: a Python peer that hangs and owes nothing is given up, and found again when it "
          "goes on") {
  python_peer server{"server", ""};
  tcp_node node{registry{}, inquisitive()};
  auto first = node.connect(server.where());
  server.child().signal(SIGSTOP);
  await([&] { return node.peers().empty(); });
  server.child().signal(SIGCONT);
  CHECK(ended(call<std::int64_t>(node.broker(), "add", 1, 2)) == 3);
  CHECK(node.peers().at(0).id != first.id);
}

TEST_CASE(
  "interop: a call at a Python peer that is given up ends here, and the connection goes on") {
  python_peer server{"server", ""};
  tcp_node node;
  node.connect(server.where());
  auto unwanted = call(node.broker(), "never");
  CHECK(ended(call<std::int64_t>(node.broker(), "add", 1, 2)) == 3); // behind it
  unwanted.cancel();
  CHECK(failure(std::move(unwanted)).code == errc::cancelled);
  CHECK(ended(call<std::int64_t>(node.broker(), "add", 3, 4)) == 7);
  CHECK(node.peers().at(0).outbound == 0);
}

TEST_CASE("interop: a node that ends finishes what it runs for a Python peer") {
  on_demand later;
  registry rpc;
  later.add_to(rpc);
  tcp_node node{rpc};
  python_peer client{"client", ""};
  REQUIRE(client.connect(node.listen()));
  auto running = std::async(std::launch::async, [&] { return client.call("later", "()"); });
  later.await_started(1);
  std::thread ends{[&] { shut_down(node.broker()); }};
  later.answer_one();
  CHECK(ended(running) == nlohmann::json{"ok", "7"});
  ends.join();
}
