// Lost connections, limits, shutdown, and owners that call the node while they handle its events.
#include <patio/mesh/node.hpp>

#include "mesh/node_fixture.hpp"
#include "protocol/session_fixture.hpp"

using patio::errc;
using patio::value;

namespace {

const patio::error gone{errc::maybe_executed, "gone", {}};

} // namespace

TEST_CASE("node: a lost connection ends a call as not_sent if no byte of it was sent, else as "
          "maybe_executed") {
  two_nodes m;
  m.caller.node.call(1, calling("slow", {1}), m.now);
  m.caller.node.call(2, calling("slow", {2}), m.now);
  auto& out = m.caller.node.output(m.wire.at_a);
  auto first = frames_of(out).at(0).payload.size() + patio::protocol::frame_header::size_on_wire;
  out.clear();
  SUBCASE("no byte is sent") {
    m.caller.node.close(m.wire.at_a, gone, m.wire.sent_by_a);
    CHECK(m.caller.fate(1) == "not_sent: peer node1:15383: gone");
    CHECK(m.caller.fate(2) == "not_sent: peer node1:15383: gone");
  }
  SUBCASE("one byte of the first call is sent") {
    m.caller.node.close(m.wire.at_a, gone, m.wire.sent_by_a + 1);
    CHECK(m.caller.code(1) == "maybe_executed");
    CHECK(m.caller.code(2) == "not_sent");
  }
  SUBCASE("the first call and no byte of the second call are sent") {
    m.caller.node.close(m.wire.at_a, gone, m.wire.sent_by_a + first);
    CHECK(m.caller.code(1) == "maybe_executed");
    CHECK(m.caller.code(2) == "not_sent");
  }
  SUBCASE("the first call and one byte of the second call are sent") {
    m.caller.node.close(m.wire.at_a, gone, m.wire.sent_by_a + first + 1);
    CHECK(m.caller.code(1) == "maybe_executed");
    CHECK(m.caller.code(2) == "maybe_executed");
  }
  CHECK(m.caller.node.tables()
        == patio::mesh::node_tables{0, 0, 0, m.caller.node.tables().deadlines});
  CHECK(m.caller.last_bytes.contains(m.wire.at_a)); // the last bytes may hold an ERROR
  CHECK(m.caller.node.output(m.wire.at_a).empty());
}

TEST_CASE("node: the end of the stream is handled after the payloads that are being decoded") {
  two_nodes m{{.decode_apart = 60}};
  m.caller.hold_undecoded = true;
  m.caller.node.call(1, calling("echo", {std::string(100, 'x')}), m.now);
  m.caller.node.call(2, calling("echo", {2}), m.now);
  m.settle();
  m.caller.node.close_at_end(m.wire.at_a, m.wire.sent_by_a);
  CHECK(m.caller.code(1) == "pending");
  CHECK(m.caller.node.is_decoding(m.wire.at_a));
  CHECK(m.caller.closings.empty());
  m.caller.hold_undecoded = false;
  m.settle();
  CHECK(m.caller.fate(1) == "'" + std::string(100, 'x') + "'");
  CHECK(m.caller.fate(2) == "2");
  REQUIRE(m.caller.closings.size() == 1);
  CHECK(text_of(m.caller.closings[0]) == "the peer closed the connection");
  CHECK_FALSE(m.caller.node.is_decoding(m.wire.at_a));
}

TEST_CASE("node: answers for a closed connection are dropped") {
  two_nodes m;
  m.server.hold = true;
  m.caller.node.call(1, calling("slow", {1}), m.now);
  m.settle();
  m.cut(m.wire);
  m.server.run(std::move(m.server.held[0]));
  m.connect(0, 1);
  m.settle();
  CHECK(m.caller.ended[1].size() == 1);
  CHECK(m.caller.code(1) == "maybe_executed");
  m.server.node.receive(m.wire.at_b, "bytes", m.now);
  m.server.node.close(m.wire.at_b, gone, 0);
  CHECK(m.server.closings.size() == 1);
}

TEST_CASE("node: a peer that breaks the protocol loses only its own connection") {
  mesh m;
  auto& caller = m.add();
  m.add(some_functions());
  m.add(some_functions());
  auto& bad = m.connect(0, 1);
  m.connect(0, 2);
  m.settle();
  caller.node.receive(bad.at_a, std::string(9, '\x7f'), m.now);
  CHECK(caller.closings.size() == 1);
  CHECK(caller.node.peers().size() == 1);
  caller.node.call(1, calling("mul", {2, 3}), m.now);
  m.settle();
  CHECK(caller.fate(1) == "6");
}

TEST_CASE("node: calls over the limits are refused at once") {
  two_nodes m{{.limits = {.outbound_calls = 3, .waiting_calls = 5}}};
  m.server.hold = true;
  for (std::uint64_t token = 1; token <= 4; ++token)
    m.caller.node.call(token, calling("slow", {1}), m.now);
  CHECK(m.caller.fate(4)
        == "overloaded: 'slow' at node1:15383: 3 calls wait for this peer's answers (limit "
           "outbound_calls=3, exceeded 1 times)");
  m.caller.node.call(5, calling("unknown"), m.now);
  m.caller.node.call(6, calling("unknown"), m.now);
  m.caller.node.call(7, calling("unknown"), m.now);
  CHECK(m.caller.fate(7)
        == "overloaded: 5 calls wait for an answer or for a peer (limit waiting_calls=5, exceeded "
           "1 times)");
  m.settle();
  m.server.run(std::move(m.server.held[0]));
  m.settle();
  m.caller.node.call(8, calling("slow", {8}), m.now);
  CHECK(m.caller.fate(8) == "pending");
}

TEST_CASE("node: inbound calls over the limit are answered at once") {
  auto third = [](const patio::protocol::extensions& announced) {
    two_nodes m{{}, {.limits = {.inbound_calls = 2}, .extensions = announced}};
    m.server.hold = true;
    for (std::uint64_t token = 1; token <= 3; ++token)
      m.caller.node.call(token, calling("slow", {1}), m.now);
    m.settle();
    CHECK(m.server.node.peers()[0].inbound == 2);
    return m.caller.fate(3);
  };
  CHECK(third(patio::protocol::all_extensions)
        == "overloaded: peer node1:15383: overloaded: 2 calls from this connection are unanswered");
  CHECK(third({})
        == "remote_error: RuntimeError: overloaded: 2 calls from this connection are unanswered");
}

TEST_CASE("node: shutting down ends everything once and refuses later calls") {
  two_nodes m;
  m.server.hold = true;
  for (std::uint64_t token = 1; token <= 3; ++token)
    m.caller.node.call(token, calling("slow", {1}), m.now);
  m.settle();
  m.caller.node.call(4, calling("slow", {1}), m.now);
  m.caller.node.call(5, calling("unknown"), m.now);
  m.caller.when_ended = [&](std::uint64_t token) {
    if (token < 100) m.caller.node.call(token + 100, calling("slow"), m.now);
  };
  m.caller.node.shut_down({errc::shut_down, "over", {}});
  for (std::uint64_t token = 1; token <= 4; ++token)
    CHECK(m.caller.code(token) == (token == 4 ? "not_sent" : "maybe_executed"));
  CHECK(m.caller.fate(5) == "shut_down: over");
  for (std::uint64_t token = 101; token <= 105; ++token) CHECK(m.caller.code(token) == "shut_down");
  CHECK(m.caller.node.tables().calls == 0);
  CHECK(m.caller.node.tables().connections == 0);
  m.finish_closing();
  m.pass(1h);
  CHECK(m.caller.ended.size() == 10);
  for (const auto& [token, results] : m.caller.ended) CHECK(results.size() == 1);
  m.caller.node.shut_down({errc::shut_down, "again", {}});
  CHECK(m.caller.closings.size() == 1);
}

TEST_CASE(
  "node: the result handler of a lost call may repeat the call, which then goes to another peer") {
  mesh m;
  auto& caller = m.add(patio::registry{}, {.route = patio::routing::round_robin});
  m.add(some_functions()).hold = true;
  m.connect(0, 1);
  m.settle();
  for (std::uint64_t token = 1; token <= 20; ++token)
    caller.node.call(token, calling("mul", {2, 3}), m.now);
  m.settle();
  m.add(some_functions());
  m.connect(0, 2);
  m.settle();
  caller.when_ended = [&](std::uint64_t token) {
    if (token <= 20) caller.node.call(token + 100, calling("mul", {2, 3}), m.now);
  };
  m.cut(*m.links[0]);
  m.settle();
  for (std::uint64_t token = 101; token <= 120; ++token) CHECK(caller.fate(token) == "6");
}

TEST_CASE(
  "node: a call that targets a peer is not sent if it is made while the peer's close is handled") {
  two_nodes m;
  m.caller.node.call(1, calling("slow", {1}), m.now);
  m.caller.when_ended = [&](std::uint64_t token) {
    if (token == 1) m.caller.node.call(2, calling("slow", {1}), m.now, m.wire.at_a);
  };
  m.cut(m.wire);
  CHECK(m.caller.fate(2) == "not_sent: the peer for 'slow' is not connected");
}

TEST_CASE("node: the owner may dial again while it handles any close of a connection") {
  two_nodes m;
  std::vector<patio::connection_id> opened;
  auto meet_again = [&](patio::connection_id) {
    if (opened.size() < 10)
      opened.push_back(m.caller.node.open(patio::role::client, "again:1", "salt", m.now));
    m.caller.node.tick(m.now);
  };
  m.caller.when_closed = meet_again;
  SUBCASE("the peer's bytes close the connection") {
    m.caller.node.receive(m.wire.at_a, std::string(9, '\x7f'), m.now);
  }
  SUBCASE("the socket closes the connection") { m.caller.node.close(m.wire.at_a, gone, 0); }
  SUBCASE("a deadline closes the connection") {
    auto id = m.caller.node.open(patio::role::client, "slow:1", "salt", m.now);
    m.now += 5s;
    m.caller.node.tick(m.now);
    CHECK(m.caller.last_bytes.contains(id));
  }
  SUBCASE("an answer's handler closes the connection") {
    m.caller.when_ended = [&](std::uint64_t) { m.caller.node.close(m.wire.at_a, gone, 0); };
    m.caller.node.call(1, calling("mul", {2, 3}), m.now);
    m.settle();
    CHECK(m.caller.fate(1) == "6");
  }
  CHECK(opened.size() == 1);
}

TEST_CASE("node: a result handler may make the next call, a thousand times in a row") {
  two_nodes m;
  m.caller.when_ended = [&](std::uint64_t token) {
    if (token < 1'000)
      m.caller.node.call(token + 1, calling("mul", {1, static_cast<int>(token)}), m.now);
  };
  m.caller.node.call(1, calling("mul", {0, 0}), m.now);
  m.settle();
  CHECK(m.caller.ended.size() == 1'000);
  CHECK(m.caller.fate(1'000) == "999");
}
