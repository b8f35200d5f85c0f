// Changes while real Python patio 0.1.4 peers are connected. A peer changes its functions or hangs,
// a call is cancelled, or the node itself ends.
#include <doctest/doctest.h>

#include <csignal>
#include <thread>

#include "nodes.hpp"
#include "python_peer.hpp"

using namespace patio;
using namespace patio::tests;

namespace {

/// Options of a node that probes its peers every second. A probe also asks for their functions.
tcp_options with_frequent_probes() {
  tcp_options options;
  options.limits.probe_interval = std::chrono::seconds{1};
  return options;
}

/// Waits until the condition holds.
template <class Condition>
void await(Condition condition) {
  auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    std::this_thread::yield();
  }
}

} // namespace

TEST_CASE("interop: functions that a connected Python peer adds or removes are noticed") {
  python_peer server{"server", ""};
  tcp_node node{registry{}, with_frequent_probes()};
  node.connect(server.where());
  auto serves = [&](const std::string& name) {
    auto names = node.peers().at(0).names;
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  CHECK_FALSE(serves("late"));
  ended(call<>(node.broker(), "grow", "late"));
  CHECK(ended(call<std::int64_t>(node.broker(), "late", 6, 7))
        == 42); // waits until the name is known
  CHECK(serves("late"));
  ended(call<>(node.broker(), "shrink", "late"));
  await([&] { return !serves("late"); });
}

TEST_CASE("interop: the connection to a Python peer that hangs without calls is closed, and is "
          "dialled again when the peer continues") {
  python_peer server{"server", ""};
  tcp_node node{registry{}, with_frequent_probes()};
  auto first = node.connect(server.where());
  server.child().signal(SIGSTOP);
  await([&] { return node.peers().empty(); });
  server.child().signal(SIGCONT);
  CHECK(ended(call<std::int64_t>(node.broker(), "add", 1, 2)) == 3);
  CHECK(node.peers().at(0).id != first.id);
}

TEST_CASE(
  "interop: a cancelled call at a Python peer ends locally, and the connection stays usable") {
  python_peer server{"server", ""};
  tcp_node node;
  node.connect(server.where());
  auto cancelled = call(node.broker(), "never");
  // This call follows the first call, which has therefore also been sent.
  CHECK(ended(call<std::int64_t>(node.broker(), "add", 1, 2)) == 3);
  cancelled.cancel();
  CHECK(failure(std::move(cancelled)).code == errc::cancelled);
  CHECK(ended(call<std::int64_t>(node.broker(), "add", 3, 4)) == 7);
  CHECK(node.peers().at(0).outbound == 0);
}

TEST_CASE("interop: a node that shuts down finishes the calls of a Python peer") {
  on_demand later;
  registry rpc;
  later.add_to(rpc);
  tcp_node node{rpc};
  python_peer client{"client", ""};
  REQUIRE(client.connect(node.listen()));
  auto call_in_flight = std::async(std::launch::async, [&] { return client.call("later", "()"); });
  later.await_started(1);
  std::thread shutdown{[&] { shut_down(node.broker()); }};
  later.answer_one();
  CHECK(ended(call_in_flight) == nlohmann::json{"ok", "7"});
  shutdown.join();
}
