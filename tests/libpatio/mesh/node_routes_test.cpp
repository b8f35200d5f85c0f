#include <patio/mesh/node.hpp>

#include "mesh/node_fixture.hpp"
#include "protocol/session_fixture.hpp"

using patio::value;

namespace {

patio::registry serving(const std::vector<std::string>& names) {
  patio::registry r;
  for (const auto& name : names) r.add(name, [name] { return name; });
  return r;
}

/// Node 0 has dialled `count` nodes that serve "f" and return their own number.
struct many_servers : mesh {
  test_node& caller;
  many_servers(std::size_t count, patio::mesh::node_options options)
      : caller{add(patio::registry{}, std::move(options))} {
    for (std::size_t i = 1; i <= count; ++i) {
      patio::registry r;
      r.add("f", [i] { return i; });
      add(std::move(r));
      connect(0, i);
    }
    settle();
  }
  std::vector<std::int64_t> call(std::uint64_t count) {
    caller.ended.clear();
    for (std::uint64_t token = 0; token < count; ++token)
      caller.node.call(token, calling("f"), now);
    settle();
    std::vector<std::int64_t> by;
    for (std::uint64_t token = 0; token < count; ++token)
      by.push_back(*caller.ended[token].at(0)->as_int64());
    return by;
  }
};

} // namespace

TEST_CASE("node: a call of an unknown name waits for a peer and then ends as no_route") {
  mesh m;
  auto& caller = m.add();
  caller.node.call(1, calling("later"), m.now);
  caller.node.call(2, calling("never"), m.now);
  caller.node.call(3, calling("never", {}, 1), m.now);
  m.pass(1s - 1ns);
  CHECK(caller.ended.empty());
  m.pass(1ns);
  CHECK(caller.fate(3) == "timeout: nobody served 'never' in time");
  CHECK(caller.ended.at(3).front().error().remedy == patio::remedy::repetition);
  m.add(serving({"later"}));
  m.connect(0, 1);
  m.settle();
  CHECK(caller.fate(1) == "'later'");
  m.pass(4s - 1ns);
  CHECK(caller.fate(2) == "pending");
  m.pass(1ns);
  CHECK(caller.fate(2) == "no_route: 'never'");
  CHECK(caller.node.tables().waiting_names == 0);
}

TEST_CASE("node: without a route timeout a call of an unknown name fails at once") {
  mesh m;
  auto& caller = m.add(patio::registry{}, {.limits = {.route_timeout = 0s}});
  caller.node.call(1, calling("f"), m.now);
  CHECK(caller.fate(1) == "no_route: 'f'");
  auto& patient =
    m.add(patio::registry{}, {.limits = {.route_timeout = std::chrono::nanoseconds::max()}});
  patient.node.call(1, calling("f"), m.now);
  m.pass(24h);
  CHECK(patient.fate(1) == "pending");
}

TEST_CASE("node: a call that targets a peer uses only this peer and does not wait") {
  mesh m;
  auto& caller = m.add();
  m.add(serving({"f", "g"}));
  m.add(serving({"f"}));
  auto& first = m.connect(0, 1);
  auto& second = m.connect(0, 2);
  m.settle();
  for (std::uint64_t token = 0; token < 20; ++token)
    caller.node.call(token, calling("f"), m.now, second.at_a);
  m.settle();
  CHECK(m.nodes[2]->node.tables().deadlines
        == 2); // the login deadline and the first probe of the connection
  for (std::uint64_t token = 0; token < 20; ++token) CHECK(caller.fate(token) == "'f'");
  caller.node.call(30, calling("g"), m.now, second.at_a);
  CHECK(caller.fate(30) == "no_route: 'g' at node2:15383");
  caller.node.call(31, calling("g"), m.now, first.at_a);
  m.settle();
  CHECK(caller.fate(31) == "'g'");
  caller.node.call(32, calling("g"), m.now, 999);
  CHECK(caller.fate(32) == "not_sent: the peer for 'g' is not connected");
  m.cut(first);
  caller.node.call(33, calling("g"), m.now, first.at_a);
  CHECK(caller.fate(33) == "not_sent: the peer for 'g' is not connected");
}

TEST_CASE("node: round robin picks the peers in turn") {
  many_servers m{3, {.route = patio::routing::round_robin}};
  auto by = m.call(6);
  CHECK(by == std::vector<std::int64_t>{by[0], by[1], by[2], by[0], by[1], by[2]});
  CHECK(std::set<std::int64_t>(by.begin(), by.end()).size() == 3);
}

TEST_CASE(
  "node: least loaded sends nothing to a peer that does not answer while other peers answer") {
  many_servers m{2, {.route = patio::routing::least_loaded, .seed = 7}};
  m.nodes[1]->hold = true;
  m.caller.node.call(1000, calling("f"), m.now, m.links[0]->at_a);
  m.settle();
  for (int i = 0; i < 100; ++i) REQUIRE(m.call(1) == std::vector<std::int64_t>{2});
}

TEST_CASE("node: the answer to a ping updates the peer's names") {
  mesh m;
  auto& caller = m.add();
  auto& server = m.add(serving({"old"}));
  auto& wire = m.connect(0, 1);
  m.settle();
  caller.node.call(1, calling("new"), m.now);
  m.settle();
  CHECK(caller.fate(1) == "pending");
  REQUIRE(caller.node.ask(wire.at_a, 9, patio::mesh::ping{}));
  // The server's registry is locked, so the test plays the server's answer.
  auto serial = frames_of(caller.node.output(wire.at_a)).at(0).serial;
  caller.node.output(wire.at_a).clear();
  caller.node.receive(
    wire.at_a,
    framed(patio::protocol::packet::discover_response, serial, pickled(value::list({"new"}))),
    m.now);
  CHECK(caller.answers.pongs.size() == 1);
  CHECK(shown(caller.node.output(wire.at_a)).at(0).starts_with("REQUEST "));
  CHECK(caller.node.peers()[0].names == std::vector<std::string>{"new"});
  caller.node.call(2, calling("old"), m.now);
  m.pass(5s);
  CHECK(caller.fate(2) == "no_route: 'old'");
  CHECK(caller.fate(1) == "no_route: peer node1:15383: new");
  CHECK(server.logged.size() == 1);
}

TEST_CASE("node: a closed peer's routes are removed") {
  many_servers m{2, {.route = patio::routing::round_robin}};
  m.cut(*m.links[0]);
  for (auto by : m.call(5)) CHECK(by == 2);
  m.cut(*m.links[1]);
  m.caller.node.call(1'000, calling("f"), m.now);
  m.pass(5s);
  CHECK(m.caller.fate(1'000) == "no_route: 'f'");
  CHECK(m.caller.node.tables()
        == patio::mesh::node_tables{.deadlines = 2}); // probe deadlines that are stale
  m.pass(5s);
  CHECK(m.caller.node.tables() == patio::mesh::node_tables{});
}

TEST_CASE("node: the call that has waited longest for a name is sent first") {
  mesh m;
  auto& caller = m.add();
  for (std::uint64_t token = 0; token < 100; ++token)
    caller.node.call(token, calling("f", {static_cast<int>(token)}), m.now);
  patio::registry r;
  r.add("f", [](value v) { return v; });
  auto& server = m.add(std::move(r));
  server.hold = true;
  m.connect(0, 1);
  m.settle();
  REQUIRE(server.held.size() == 100);
  for (int i = 0; i < 100; ++i)
    REQUIRE(server.held[static_cast<std::size_t>(i)].args.positional[0] == value{i});
}

TEST_CASE("node: ten thousand waiting names neither stop nor slow other calls") {
  many_servers m{1, {}};
  for (std::uint64_t i = 0; i < 10'000; ++i)
    m.caller.node.call(1'000'000 + i, calling("unknown" + std::to_string(i), {}, 3'600), m.now);
  CHECK(m.caller.node.tables().waiting_names == 10'000);
  CHECK(m.call(1'000).size() == 1'000);
  m.connect(0, 1); // discovery looks only at the names of the new peer
  m.settle();
  CHECK(m.caller.node.tables().calls == 10'000);
  m.pass(5s);
  CHECK(m.caller.node.tables().calls == 0);
  CHECK(m.caller.node.tables().waiting_names == 0);
}

TEST_CASE("node: the owner may call a peer as soon as the node announces the peer") {
  mesh m;
  auto& caller = m.add();
  m.add(serving({"f"}));
  caller.when_met = [&](const patio::peer_info& peer) {
    caller.node.call(1, calling("f"), m.now, peer.id);
  };
  m.connect(0, 1);
  m.settle();
  CHECK(caller.fate(1) == "'f'");
}

TEST_CASE("node: a peer that the owner rejects serves nothing, and no waiting call is sent to it") {
  auto fate_of_waiting = [](patio::mesh::node_options of_peer) {
    mesh m;
    auto& caller = m.add();
    m.add(serving({"f"}), std::move(of_peer));
    caller.when_met = [&](const patio::peer_info& peer) {
      caller.node.close(peer.id, {patio::errc::invalid, "not this one", {}}, 0);
    };
    caller.node.call(1, calling("f"), m.now);
    m.connect(0, 1);
    m.settle();
    m.finish_closing();
    CHECK(caller.node.peers().empty());
    caller.node.call(2, calling("f"), m.now);
    m.pass(5s);
    CHECK(caller.fate(2) == "no_route: 'f'");
    return caller.fate(1);
  };
  CHECK(fate_of_waiting(like_python) == "not_sent: peer node1:15383: not this one");
  CHECK(fate_of_waiting({}) == "no_route: 'f'"); // without credit, the call was not routed yet
}
