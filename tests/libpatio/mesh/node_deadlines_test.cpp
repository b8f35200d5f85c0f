#include <patio/mesh/node.hpp>

#include "mesh/node_fixture.hpp"
#include "protocol/session_fixture.hpp"

using patio::value;

namespace {

/// Returns the timeout that a REQUEST in flight carries.
value timeout_on_wire(const std::string& bytes) {
  auto frames = frames_of(bytes);
  std::erase_if(frames, [](const raw_frame& f) {
    return f.type != patio::protocol::packet::request;
  }); // discovery may end in the same bytes
  REQUIRE(frames.size() == 1);
  return patio::read_call_request(frames[0].payload)->timeout;
}

} // namespace

TEST_CASE("node: a call times out exactly at its deadline, and not a nanosecond before") {
  two_nodes m;
  m.server.hold = true;
  m.wire.to_a.stopped = true; // keeps the server's own TimeoutError from arriving
  m.caller.node.call(1, calling("slow", {1}, 2.5), m.now);
  m.pass(2'500ms - 1ns);
  CHECK(m.caller.fate(1) == "pending");
  m.pass(1ns);
  CHECK(m.caller.fate(1) == "timeout: no answer from node1:15383");
  CHECK(m.caller.node.tables().calls == 0);
}

TEST_CASE("node: the serving node also ends a call at its deadline and drops the late result") {
  two_nodes m;
  m.server.hold = true;
  m.caller.node.call(1, calling("slow", {1}, 2), m.now);
  m.settle();
  REQUIRE(m.server.held.size() == 1);
  CHECK(m.server.held[0].deadline == m.now + 2s);
  m.server.node.tick(m.now + 2s);
  m.settle();
  CHECK(m.caller.fate(1)
        == "timeout: peer node1:15383: the function took longer than its caller allowed");
  m.server.run(std::move(m.server.held[0]));
  m.settle();
  CHECK(m.caller.ended[1].size() == 1);
  CHECK(m.server.node.output(m.wire.at_b).empty());
}

TEST_CASE("node: a function's own timeout ends a call whose caller gave none or a longer one") {
  patio::registry functions;
  functions.add("brief", [] {}, {.timeout = 2s});
  mesh m;
  auto& caller = m.add(patio::registry{}, {});
  auto& server = m.add(functions, {});
  (void)m.connect(0, 1);
  m.settle();
  server.hold = true;
  caller.node.call(1, calling("brief", {}), m.now);
  caller.node.call(2, calling("brief", {}, 3), m.now);
  caller.node.call(3, calling("brief", {}, 1), m.now);
  m.settle();
  REQUIRE(server.held.size() == 3);
  CHECK(server.held[0].deadline == m.now + 2s);
  CHECK(server.held[1].deadline == m.now + 2s);
  CHECK(server.held[2].deadline == m.now + 1s);
  server.node.tick(m.now + 2s);
  m.settle();
  for (std::uint64_t call : {1U, 2U})
    CHECK(caller.fate(call)
          == "timeout: peer node1:15383: the function took longer than its own timeout allows");
}

TEST_CASE(
  "node: a Python-like peer whose deadline passes first reports it only by its TimeoutError") {
  two_nodes m{{}, like_python};
  m.server.hold = true;
  m.caller.node.call(1, calling("slow", {1}, 2), m.now);
  m.caller.node.call(2, calling("slow", {1}, 2), m.now);
  m.settle();
  m.wire.to_a.stopped = true;
  m.server.node.tick(m.now + 2s);
  while (m.step()) {}
  auto answers = std::exchange(m.wire.to_a.bytes, {});
  auto first = answers.substr(0, answers.size() / 2);
  m.caller.node.receive(m.wire.at_a, first, m.now);
  CHECK(m.caller.fate(1)
        == "remote_error: TimeoutError: the function took longer than its caller allowed");
  m.caller.node.receive(m.wire.at_a, answers.substr(first.size()),
                        m.now + 2s); // at the caller's own deadline
  CHECK(m.caller.fate(2) == "timeout: peer node1:15383: the peer reported the timeout");
}

TEST_CASE("node: the caller drops a late result and keeps the connection") {
  two_nodes m{{.limits = {.unknown_serials = 1}}};
  m.wire.to_a.stopped = true;
  for (std::uint64_t token = 1; token <= 10; ++token)
    m.caller.node.call(token, calling("slow", {1}, 1), m.now);
  m.pass(1s);
  for (std::uint64_t token = 1; token <= 10; ++token) CHECK(m.caller.code(token) == "timeout");
  m.wire.to_a.stopped = false;
  m.settle();
  CHECK(m.caller.ended.size() == 10);
  CHECK(m.caller.node.peers().size() == 1);
}

TEST_CASE("node: a REQUEST carries the remaining time, or None without a timeout") {
  two_nodes m;
  auto sent = [&](const value& timeout) {
    m.caller.node.call(m.caller.ended.size() + 100, calling("slow", {1}, timeout), m.now);
    auto bytes = m.caller.node.output(m.wire.at_a);
    m.settle();
    return timeout_on_wire(bytes);
  };
  CHECK(identical(sent({}), value{}));
  CHECK(identical(sent(3), value{3}));
  CHECK(identical(sent(0.25), value{0.25}));
  CHECK(identical(sent(1e9), value{86'400}));
  CHECK(identical(sent(HUGE_VAL), value{}));
}

TEST_CASE("node: a call that has waited for a peer carries its remaining time") {
  mesh m;
  auto& caller = m.add();
  m.add(some_functions(), like_python); // takes requests at once, without credit
  caller.node.call(1, calling("mul", {2, 3}, 4), m.now);
  m.pass(1'500ms);
  auto& wire = m.connect(0, 1);
  while (caller.met.empty()) REQUIRE(m.step());
  CHECK(identical(timeout_on_wire(caller.node.output(wire.at_a)), value{2.5}));
  m.settle();
  CHECK(caller.fate(1) == "6");
}

TEST_CASE("node: a call that has waited for a peer ends at its own deadline and not at the route "
          "deadline") {
  mesh m;
  auto& caller = m.add();
  m.add(some_functions());
  for (std::uint64_t token : {1u, 2u})
    caller.node.call(token, calling("slow", {1}, token == 1 ? value{8} : value{4}), m.now);
  m.pass(1s);
  m.connect(0, 1);
  while (caller.met.empty()) REQUIRE(m.step());
  m.links[0]->to_a.stopped = true;
  m.pass(3s - 1ns);
  CHECK(caller.fate(2) == "pending");
  m.pass(1ns);
  CHECK(caller.code(2) == "timeout");
  m.pass(4s - 1ns); // past the five seconds for a route
  CHECK(caller.fate(1) == "pending");
  m.pass(1ns);
  CHECK(caller.code(1) == "timeout");
}

TEST_CASE("node: a call without remaining time is neither sent nor run") {
  two_nodes m;
  for (const auto& none : {value{0}, value{-1}, value{false}, value{-HUGE_VAL}}) {
    m.caller.node.call(1, calling("slow", {1}, none), m.now);
    CHECK(m.caller.fate(1) == "timeout: no time was left to send 'slow'");
    CHECK(m.caller.node.output(m.wire.at_a).empty());
    m.caller.ended.clear();
  }
}

TEST_CASE("node: a login that takes too long is closed") {
  mesh m;
  auto& server = m.add(some_functions());
  auto id = server.node.open(patio::role::server, "slow:1", "0123456789abcdef", m.now);
  CHECK(server.node.next_deadline() == m.now + 5s);
  server.node.receive(id, std::string(1, '\1'),
                      m.now + 4s); // received bytes do not extend the deadline
  server.node.tick(m.now + 5s - 1ns);
  CHECK(server.closings.empty());
  server.node.tick(m.now + 5s);
  REQUIRE(server.closings.size() == 1);
  CHECK(server.closings[0].code == patio::errc::login_refused);
  CHECK(text_of(server.closings[0])
        == "no login within 5 s (limit handshake_timeout=5s, exceeded 1 times)");
  CHECK(server.node.tables() == patio::mesh::node_tables{});
}

TEST_CASE("node: the count of unexpected answers falls every minute, by at most a hundred") {
  two_nodes m;
  auto flood = [&](int count) {
    for (int i = 0; i < count; ++i)
      m.caller.node.receive(m.wire.at_a,
                            framed(patio::protocol::packet::response, 9'999, pickled_none), m.now);
  };
  m.pass(10s); // the minutes start at the login deadline
  for (int minute = 0; minute < 5; ++minute) {
    flood(100);
    m.pass(61s);
    REQUIRE(m.caller.closings.empty());
  }
  flood(101);
  REQUIRE(m.caller.closings.size() == 1);
  CHECK(m.caller.closings[0].code == patio::errc::protocol);
}

TEST_CASE("node: a million answered calls with a timeout of a day leave no deadlines behind") {
  two_nodes m{{}, like_python};
  std::size_t longest = 0;
  std::uint32_t serial = 3; // the first serial that the client uses after login and discovery
  for (std::uint64_t token = 0; token < 1'000'000; ++token) {
    m.caller.node.call(token, calling("slow", {}, 86'400), m.now);
    m.caller.node.output(m.wire.at_a).clear();
    m.caller.node.receive(m.wire.at_a,
                          framed(patio::protocol::packet::response, serial++, pickled_none), m.now);
    if (m.caller.ended.size() == 1000) {
      for (const auto& [number, results] : m.caller.ended)
        REQUIRE((results.size() == 1 && results[0]));
      m.caller.ended.clear();
    }
    longest = std::max(longest, m.caller.node.tables().deadlines);
  }
  CHECK(longest < 200);
  CHECK(m.caller.node.tables().calls == 0);
}

TEST_CASE("node: served, cancelled and lost calls leave no deadlines behind") {
  mesh m;
  auto& server = m.add(some_functions(), {.limits = {.route_timeout = 1h}});
  m.add();
  server.hold = true;
  std::size_t longest = 0;
  for (int round = 0; round < 300; ++round) {
    auto& wire = m.connect(1, 0);
    m.settle();
    for (std::uint64_t token = 0; token < 50; ++token)
      m.nodes[1]->node.call(token, calling("slow", {1}, 86'400), m.now);
    m.settle();
    for (std::size_t i = 0; i < 20; ++i) server.run(std::move(server.held[i]));
    for (std::uint64_t token = 0; token < 50; ++token)
      server.node.cancel(server.node.call(token, calling("nobody"), m.now));
    m.settle();
    m.cut(wire);
    m.links.clear();
    server.held.clear();
    longest =
      std::max({longest, server.node.tables().deadlines, m.nodes[1]->node.tables().deadlines});
  }
  CHECK(longest < 400);
}

TEST_CASE(
  "node: a deadline survives a sweep of the deadlines while its request is being announced") {
  // While the owner handles a request, it starts and cancels enough calls to make the node sweep
  // its deadlines.
  driven_node* self = nullptr;
  driven_node node{{}, some_functions(), [&self](patio::mesh::node_event&& event) {
                     if (!std::holds_alternative<patio::mesh::execute_call>(event)) return;
                     for (std::uint64_t token = 0; token < 1'000; ++token)
                       self->cancel(self->call(token, calling("nobody", {}, 60), 1'000s));
                   }};
  self = &node;
  auto id = node.open(patio::role::server, "peer:1", "0123456789abcdef", 1'000s);
  auto challenge = patio::protocol::login_challenge("0123456789abcdef");
  node.receive(id,
               framed(patio::protocol::packet::auth_request, 1,
                      patio::protocol::login_answer(challenge, "", "salt")),
               1'000s);
  node.receive(id, framed(patio::protocol::packet::discover_request, 2, pickled_none), 1'000s);
  node.receive(id, framed(patio::protocol::packet::discover_response, 3, pickled(value::list({}))),
               1'000s);
  node.output(id).clear();
  node.receive(id, framed(patio::protocol::packet::request, 4, pickled_call("slow", {1}, 9)),
               1'000s);
  node.tick(1'009s);
  CHECK(shown(node.output(id))
        == lines{"ERROR 4 TimeoutError('the function took longer than its caller allowed')"});
}

TEST_CASE("node: the deadlines of a lost connection's requests are removed early") {
  mesh m;
  auto& server = m.add(some_functions());
  m.add();
  server.hold = true;
  std::size_t longest = 0;
  for (int round = 0; round < 50; ++round) {
    auto& wire = m.connect(1, 0);
    m.settle();
    for (std::uint64_t token = 0; token < 200; ++token)
      m.nodes[1]->node.call(token, calling("slow", {1}, 86'400), m.now);
    m.settle();
    m.cut(wire);
    m.links.clear();
    server.held.clear();
    longest = std::max(longest, server.node.tables().deadlines);
  }
  CHECK(longest < 1'000);
}
