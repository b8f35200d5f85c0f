// A node that goes away finishes its running calls, executes the requests in flight and starts
// nothing else.
#include <patio/mesh/node.hpp>

#include "protocol/played_peer.hpp"

using patio::errc;
using patio::value;

namespace {

/// A server that holds its work and goes away. The wire judge checks its wire to the end.
struct leaving_server : two_nodes {
  explicit leaving_server(patio::mesh::node_options for_caller = {})
      : two_nodes{std::move(for_caller)} {
    server.hold = true;
  }
  ~leaving_server() {
    settle();
    for (const auto& l : links)
      for (const auto& complaint : l->judge.complaints) FAIL_CHECK(complaint);
  }
  void run_next() {
    REQUIRE_FALSE(server.held.empty());
    auto w = std::move(server.held.front());
    server.held.pop_front();
    server.run(std::move(w));
    settle();
  }
};

std::size_t count(const std::vector<raw_frame>& frames, patio::protocol::packet type) {
  return static_cast<std::size_t>(std::count_if(
    frames.begin(), frames.end(), [&](const raw_frame& f) { return f.type == type; }));
}

} // namespace

TEST_CASE("node: a node that goes away is drained once it has finished its running calls") {
  leaving_server m;
  m.caller.node.call(1, calling("slow", {6}), m.now);
  m.caller.node.call(2, calling("slow", {7}), m.now);
  m.settle();
  CHECK_FALSE(m.server.node.is_drained());
  m.server.node.go_away();
  m.settle();
  CHECK_FALSE(m.server.node.is_drained());
  m.run_next();
  CHECK_FALSE(m.server.node.is_drained());
  m.run_next();
  CHECK(m.caller.fate(1) == "6");
  CHECK(m.caller.fate(2) == "7");
  CHECK(m.server.node.is_drained());
  CHECK(m.server.closings.empty());
}

TEST_CASE("node: a node that goes away executes the requests that are already in flight") {
  leaving_server m;
  m.wire.to_b.stopped = true;
  m.caller.node.call(1, calling("slow", {6}), m.now);
  m.server.node.go_away();
  m.settle();
  CHECK_FALSE(m.server.node.is_drained()); // the node must assume requests in flight
  m.wire.to_b.stopped = false;
  m.settle();
  REQUIRE(m.server.held.size() == 1);
  CHECK_FALSE(m.server.node.is_drained());
  m.run_next();
  CHECK(m.caller.fate(1) == "6");
  CHECK(m.server.node.is_drained());
}

TEST_CASE("node: going away at a random moment neither loses nor refuses a call that was sent") {
  auto seed = test_seed();
  for (std::uint64_t round = 0; round < 300; ++round) {
    INFO("PATIO_TEST_SEED=" << seed + round);
    mesh m{seed + round};
    auto& caller = m.add(patio::registry{}, {.limits = {.route_timeout = 0s}});
    auto& server = m.add(some_functions(), {.executors = {{"", {40, 1'000}}}}); // all are sent
    auto& wire = m.connect(0, 1);
    m.settle();
    auto leaves_at = m.random() % 40;
    for (std::uint64_t token = 0; token < 40; ++token) {
      caller.node.call(token, calling("slow", {static_cast<int>(token)}), m.now);
      if (token == leaves_at) server.node.go_away();
      for (auto n = m.random() % 4; n > 0; --n) m.step();
    }
    m.settle();
    REQUIRE(server.node.is_drained());
    REQUIRE(wire.judge.complaints.empty());
    for (std::uint64_t token = 0; token < 40; ++token) {
      auto fate = caller.fate(token);
      REQUIRE((fate == std::to_string(token) || fate == "no_route: 'slow'"));
      if (token <= leaves_at) REQUIRE(fate == std::to_string(token));
    }
  }
}

TEST_CASE("node: calls to a node that goes away wait for another peer and are sent there") {
  leaving_server m;
  m.server.node.go_away();
  m.settle();
  m.caller.node.call(1, calling("mul", {6, 7}), m.now);
  m.caller.node.call(2, calling("mul", {6, 7}), m.now, m.wire.at_a);
  m.settle();
  CHECK(m.caller.fate(1) == "pending");
  CHECK(m.caller.fate(2) == "no_route: 'mul' at node1:15383");
  CHECK(m.server.held.empty());
  m.add(some_functions());
  m.connect(0, 2);
  m.settle();
  CHECK(m.caller.fate(1) == "42");
}

TEST_CASE(
  "node: a node that goes away starts no new calls, but its running calls may make nested calls") {
  mesh m;
  patio::registry of_caller;
  of_caller.add("back", [](int n) { return n + 1; });
  auto& caller = m.add(std::move(of_caller));
  auto& server = m.add(some_functions());
  m.connect(0, 1);
  m.settle();
  server.hold = true;
  caller.node.call(1, calling("slow", {6}), m.now);
  m.settle();
  server.node.go_away();
  m.settle();
  server.node.call(2, calling("back", {6}), m.now);
  CHECK_FALSE(server.node.is_drained());
  m.settle();
  CHECK(server.fate(2) == "7");
  server.run(std::move(server.held.front()));
  server.node.call(3, calling("back", {6}), m.now);
  CHECK(server.fate(3) == "shut_down: ");
  m.settle();
  CHECK(caller.fate(1) == "6");
  CHECK(server.node.is_drained());
}

TEST_CASE("node: a node that goes away is drained only after its own outgoing calls have ended") {
  two_nodes m; // in this test the caller goes away
  m.server.hold = true;
  m.caller.node.call(1, calling("slow", {6}), m.now);
  m.caller.node.call(2, calling("later"), m.now);
  m.caller.node.go_away();
  m.settle();
  CHECK_FALSE(m.caller.node.is_drained());
  m.server.run(std::move(m.server.held.front()));
  m.settle();
  CHECK(m.caller.fate(1) == "6");
  CHECK_FALSE(m.caller.node.is_drained()); // one call still waits for a peer
  m.pass(5s);
  CHECK(m.caller.fate(2) == "no_route: 'later'");
  CHECK(m.caller.node.is_drained());
}

TEST_CASE(
  "node: going away keeps the running calls of a Python-like peer and refuses its later calls") {
  leaving_server m{like_python};
  m.caller.node.call(1, calling("slow", {6}), m.now);
  m.settle();
  m.server.node.go_away();
  m.caller.node.call(2, calling("slow", {7}), m.now);
  m.settle();
  CHECK(m.caller.fate(2) == "remote_error: ConnectionError: the node is shutting down");
  CHECK_FALSE(m.server.node.is_drained());
  m.run_next();
  CHECK(m.caller.fate(1) == "6");
  CHECK(m.server.node.is_drained());
  m.caller.node.call(3, calling("slow", {8}), m.now);
  m.settle();
  CHECK(m.caller.code(3) == "remote_error");
}

TEST_CASE("node: a C++ peer that calls after LEAVING_OK is refused as shut_down") {
  played_mesh m{{}, some_functions()};
  auto& peer = m.meet({});
  m.node.go_away();
  m.settle();
  REQUIRE(peer.others.size() == 1);
  peer.send(patio::protocol::packet::leaving_ok, pickled_none, m.now, peer.others[0].serial);
  m.owner.hold = true;
  peer.send(patio::protocol::packet::request, pickled_call("slow", {1}), m.now, 77);
  CHECK(m.owner.held.empty());
  auto frames = frames_of(m.node.output(peer.id));
  REQUIRE(frames.size() == 1);
  auto why = patio::protocol::from_noted_exception(patio::read_pickle(frames[0].payload).value());
  CHECK(why == patio::error{errc::shut_down, "the node is shutting down", {}});
}

TEST_CASE(
  "node: going away closes pending logins and tells a discovering peer once discovery has ended") {
  played_mesh m;
  auto& discovering = m.meet({"f"});
  m.peers.push_back(std::make_unique<played_peer>(m.node, std::vector<std::string>{},
                                                  patio::protocol::all_extensions, m.now));
  auto logging_in = m.peers.back()->id;
  m.peers.push_back(std::make_unique<played_peer>(m.node, std::vector<std::string>{},
                                                  patio::protocol::all_extensions, m.now));
  auto& late = *m.peers.back();
  late.log_in(m.now);
  late.silent = true;
  m.settle();
  m.node.go_away();
  m.settle();
  CHECK(count(discovering.others, patio::protocol::packet::leaving) == 1);
  REQUIRE(m.owner.closings.size() == 1);
  CHECK(m.owner.closings[0].code == errc::shut_down);
  CHECK(m.node.output(logging_in).empty());
  CHECK(late.others.empty());
  CHECK_FALSE(m.node.is_drained());
  discovering.send(patio::protocol::packet::leaving_ok, pickled_none, m.now,
                   discovering.others[0].serial);
  CHECK_FALSE(m.node.is_drained()); // the other peer may have sent its first request
  late.discover(m.now);
  late.silent = false;
  late.answer_asked(m.now);
  m.settle();
  REQUIRE(count(late.others, patio::protocol::packet::leaving) == 1);
  CHECK_FALSE(m.node.is_drained());
  late.send(patio::protocol::packet::leaving_ok, pickled_none, m.now, late.others[0].serial);
  CHECK(m.node.is_drained());
}

TEST_CASE("node: a peer that never finishes discovery cannot delay the drain forever") {
  played_mesh m;
  m.peers.push_back(std::make_unique<played_peer>(m.node, std::vector<std::string>{},
                                                  patio::protocol::all_extensions, m.now));
  m.peers.back()->log_in(m.now);
  m.node.go_away();
  m.pass(5s - 1ns);
  CHECK_FALSE(m.node.is_drained());
  m.pass(1ns);
  CHECK(m.node.is_drained());
}

TEST_CASE(
  "node: a peer that does not answer LEAVING delays the drain until it is closed for its silence") {
  played_mesh m;
  auto& peer = m.meet({});
  m.node.go_away();
  peer.silent = true;
  m.pass(30s - 1ns);
  CHECK_FALSE(m.node.is_drained());
  m.pass(1ns);
  CHECK(m.node.is_drained());
}

TEST_CASE("node: a node is drained only after go_away, and at once if it has no peers") {
  mesh m;
  auto& n = m.add();
  CHECK_FALSE(n.node.is_drained());
  n.node.go_away();
  CHECK(n.node.is_drained());
}

TEST_CASE("node: a peer that connects during the drain is told at once") {
  mesh m;
  auto& server = m.add(some_functions());
  auto& caller = m.add();
  server.node.go_away();
  auto& wire = m.connect(1, 0);
  m.settle();
  CHECK(server.node.is_drained());
  caller.node.call(1, calling("mul", {6, 7}), m.now);
  m.pass(5s);
  CHECK(caller.fate(1) == "no_route: 'mul'");
  CHECK(wire.judge.complaints.empty());
}

TEST_CASE("node: two nodes that go away at the same time are both drained") {
  two_nodes m;
  m.caller.node.go_away();
  m.server.node.go_away();
  m.settle();
  CHECK(m.caller.node.is_drained());
  CHECK(m.server.node.is_drained());
  CHECK(m.wire.judge.complaints.empty());
}

TEST_CASE("node: the drain does not wait for a lost connection") {
  leaving_server m;
  m.caller.node.call(1, calling("slow", {6}), m.now);
  m.settle();
  m.server.node.go_away();
  m.wire.to_b.stopped = true;
  m.settle();
  m.cut(m.wire);
  CHECK(m.server.node.is_drained());
  CHECK(m.caller.code(1) == "maybe_executed");
}

TEST_CASE("node: a node without extensions goes away as a Python peer would and finishes its "
          "running calls") {
  two_nodes m{{}, like_python};
  m.server.hold = true;
  m.caller.node.call(1, calling("slow", {6}), m.now);
  m.settle();
  m.server.node.go_away();
  m.settle();
  CHECK(m.server.closings.empty());
  REQUIRE_FALSE(m.server.held.empty());
  m.server.run(std::move(m.server.held.front()));
  m.settle();
  CHECK(m.caller.fate(1) == "6");
  CHECK(m.wire.judge.complaints.empty());
}
