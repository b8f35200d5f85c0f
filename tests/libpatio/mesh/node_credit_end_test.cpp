// Credit between nodes: how calls end that wait for credit or have used credit.
#include <patio/mesh/node.hpp>

#include <limits>

#include "mesh/credit_fixture.hpp"

using patio::value;
using patio::protocol::packet;
using patio::protocol::write_queue_total;

TEST_CASE("credit: a cancelled call gives its credit back") {
  bounded_server m{{1, 1}};
  auto first = m.caller.node.call(1, calling("slow", {1}), m.now);
  m.caller.node.call(2, calling("slow", {2}), m.now);
  m.settle();
  REQUIRE(m.server.held.size() == 1);
  m.caller.node.cancel(first);
  m.settle();
  CHECK(m.caller.code(1) == "cancelled");
  REQUIRE(m.server.held.size() == 2); // the executor drops the first later
  CHECK(m.server.held[1].args.positional[0] == value{2});
}

TEST_CASE("credit: a call whose deadline passes in the server's queue gives its credit back") {
  bounded_server m{{1, 1}};
  m.caller.node.call(1, calling("slow", {1}, 2), m.now);
  m.caller.node.call(2, calling("slow", {2}), m.now);
  m.pass(2s);
  CHECK(m.caller.code(1) == "timeout");
  REQUIRE(m.server.held.size() == 2);
  CHECK(m.server.held[1].args.positional[0] == value{2});
}

TEST_CASE("credit: a peer that grants everything gets no more calls than outbound_calls") {
  played_mesh m{{.limits = {.outbound_calls = 3}}};
  auto& peer = meet_with_credit(m, {"f"}, std::numeric_limits<std::int64_t>::max());
  std::vector<std::uint64_t> tokens;
  for (int i = 0; i < 5; ++i) tokens.push_back(m.call("f"));
  m.settle();
  CHECK(peer.requested == 3);
  for (int i : {3, 4}) CHECK(m.owner.code(tokens[static_cast<std::size_t>(i)]) == "overloaded");
}

TEST_CASE("credit: a peer that never grants keeps no call from another peer") {
  played_mesh m;
  auto &mean = meet_with_credit(m, {"f"}, 0), &good = meet_with_credit(m, {"f"}, 1'000);
  for (int i = 0; i < 100; ++i) m.call("f");
  m.settle();
  CHECK(mean.requested == 0);
  CHECK(good.requested == 100);
}

TEST_CASE("credit: a caller that reports requests which it has not sent gains no place") {
  played_mesh m{{.executors = {{"", {1, 8}}}}, some_functions()};
  m.owner.hold = m.owner.queues = true;
  auto& peer = m.meet({});
  std::uint64_t reported = 0;
  for (int i = 0; i < 100; ++i) { // every report is answered by a grant of at least one more
    auto before = peer.granted;
    peer.send(packet::credit_used, write_queue_total({0, reported = before}), m.now, 0);
    m.settle();
    REQUIRE(peer.granted > before);
  }
  auto room = peer.granted - reported;
  for (std::uint32_t serial = 100; serial < 1'000; ++serial)
    peer.send(packet::request, pickled_call("slow", {1}), m.now, serial);
  m.settle();
  CHECK(m.owner.held.size() == room);
  CHECK(room <= 8);
  CHECK(m.knows(peer));
}

TEST_CASE("credit: the queues and totals of a connection do not outlive it") {
  played_mesh m;
  auto& first = meet_with_credit(m, {"f"}, 5, {{"f", 1}});
  auto token = m.call("f");
  m.settle();
  CHECK(first.requested == 0);
  m.node.close(first.id, {patio::errc::maybe_executed, "cut", {}}, 1'000);
  auto& second = meet_with_credit(m, {"f"}, 1);
  REQUIRE(second.requested == 1);
  second.answer_next(value{5}, m.now);
  CHECK(m.owner.fate(token) == "5");
}

TEST_CASE("credit: a call without credit ends at its deadline, and was not sent") {
  played_mesh m;
  auto& peer = meet_with_credit(m, {"f"}, 0);
  auto token = m.call("f", 2);
  m.pass(2s - 1ns);
  CHECK(m.owner.fate(token) == "pending");
  m.pass(1ns);
  CHECK(m.owner.fate(token) == "timeout: no peer had room for 'f' in time");
  CHECK(m.owner.ended.at(token).front().error().remedy == patio::remedy::repetition);
  grant(m, peer, 10);
  CHECK(peer.requested == 0);
}

TEST_CASE("credit: a call whose deadline has passed is not sent when credit comes") {
  played_mesh m;
  auto& peer = meet_with_credit(m, {"f"}, 0);
  auto late = m.call("f", 2), other = m.call("f", 60);
  m.now += 3s; // the tick is late
  grant(m, peer, 10);
  CHECK(m.owner.fate(late) == "timeout: no peer had room for 'f' in time");
  CHECK(m.owner.fate(other) == "pending");
  CHECK(peer.requested == 1);
}

TEST_CASE("credit: a server without memory for another call grants no credit until a call ends") {
  std::size_t decoded = 0;
  REQUIRE(patio::read_call_request(pickled_call("slow", {1}), {}, {}, &decoded));
  two_nodes m{{}, {.limits = {.inbound_bytes = 10 * decoded}, .executors = {{"", {4, 8}}}}};
  m.server.hold = true; // calls begin at once, and so give their credit back
  for (std::uint64_t token = 1; token <= 40; ++token)
    m.caller.node.call(token, calling("slow", {1}), m.now);
  m.settle();
  CHECK(m.server.held.size() <= 10);
  while (!m.server.held.empty()) {
    m.server.run(std::exchange(m.server.held.front(), {}));
    m.server.held.pop_front();
    m.settle();
    if (m.server.held.empty()) m.pass(10ms);
  }
  for (std::uint64_t token = 1; token <= 40; ++token) CHECK(m.caller.fate(token) == "1");
}

TEST_CASE("credit: a held call is sent with the time that is left") {
  played_mesh m;
  auto& peer = meet_with_credit(m, {"f"}, 0);
  m.call("f", 5);
  m.pass(2s);
  grant(m, peer, 1);
  REQUIRE(peer.requests.size() == 1);
  CHECK(patio::read_call_request(peer.requests[0].payload).value().timeout == value{3});
}

TEST_CASE("credit: a cancelled call is dropped from the middle of the queue") {
  played_mesh m;
  auto& peer = meet_with_credit(m, {"f"}, 0);
  std::vector<patio::mesh::call_id> ids;
  for (std::uint64_t token = 1; token <= 5; ++token)
    ids.push_back(m.node.call(token, calling("f", {value{token}}), m.now));
  for (std::size_t at : {2u, 0u, 4u}) m.node.cancel(ids[at]);
  for (std::uint64_t token : {1u, 3u, 5u}) CHECK(m.owner.code(token) == "cancelled");
  grant(m, peer, 10);
  REQUIRE(peer.requests.size() == 2);
  for (std::size_t i : {0u, 1u})
    CHECK(patio::read_call_request(peer.requests[i].payload).value().args.positional[0]
          == value{static_cast<std::int64_t>(2 * i + 2)});
  CHECK(m.node.tables().waiting_names == 0);
}

TEST_CASE("credit: held calls wait for another peer when their last peer is lost, and then end as "
          "calls without a peer do") {
  for (auto patience : {0s, 5s}) {
    played_mesh m{{.limits = {.route_timeout = patience}}};
    auto& peer = meet_with_credit(m, {"f"}, 0);
    auto token = m.call("f");
    auto only = m.call("f", {}, peer.id);
    m.pass(20s);
    CHECK(m.owner.fate(token) == "pending");
    m.node.close(peer.id, {patio::errc::maybe_executed, "cut", {}}, 1'000);
    CHECK(m.owner.fate(only) == "not_sent: the peer for 'f' is not connected");
    if (patience > 0s) CHECK(m.owner.fate(token) == "pending");
    m.pass(patience);
    CHECK(m.owner.fate(token) == "no_route: 'f'");
    CHECK(m.node.tables().calls == 0);
    CHECK(m.node.tables().waiting_names == 0);
  }
}

TEST_CASE("credit: held calls go to another peer when theirs is lost, leaves, or drops the name") {
  for (int way = 0; way < 3; ++way) {
    played_mesh m;
    auto& first = meet_with_credit(m, {"f"}, 0);
    auto token = m.call("f");
    if (way == 0) m.node.close(first.id, {patio::errc::maybe_executed, "cut", {}}, 1'000);
    if (way == 1) first.send(packet::leaving, pickled_none, m.now);
    if (way == 2) {
      first.names = {"g"};
      m.pass(10s); // the next probe
      CHECK(first.requested == 0);
    }
    auto& second = meet_with_credit(m, {"f"}, 1);
    REQUIRE(second.requested == 1);
    second.answer_next(value{5}, m.now);
    CHECK(m.owner.fate(token) == "5");
  }
}

TEST_CASE("credit: a held call that lost its peer has the whole wait for a route again") {
  played_mesh m{{.limits = {.route_timeout = 5s}}};
  auto token = m.call("f");
  m.pass(1s);
  auto& peer = meet_with_credit(m, {"f"}, 0);
  m.pass(3s);
  m.node.tick(m.now);
  m.node.close(peer.id, {patio::errc::maybe_executed, "cut", {}}, 1'000);
  m.pass(4s); // the end of the first wait has passed
  CHECK(m.owner.fate(token) == "pending");
  m.pass(1s);
  CHECK(m.owner.fate(token) == "no_route: 'f'");
}

TEST_CASE("credit: an ejected peer with room gets held calls only when no better peer is left") {
  played_mesh m{{.limits = {.probe_interval = 1s, .missed_probes = 1000}}};
  auto& silent = meet_with_credit(m, {"f"}, 100);
  silent.silent = true;
  m.pass(2s); // a missed probe ejects the peer
  auto& good = meet_with_credit(m, {"f"}, 0);
  m.call("f");
  CHECK(silent.requested == 0);
  m.node.close(good.id, {patio::errc::maybe_executed, "cut", {}}, 1'000);
  m.settle();
  CHECK(silent.requested == 1);
}

TEST_CASE(
  "credit: calls for a peer that does not read keep their place, and new calls are refused") {
  played_mesh m;
  auto& peer = meet_with_credit(m, {"f"}, 0);
  auto token = m.call("f");
  m.node.congested(peer.id, true);
  grant(m, peer, 10);
  CHECK(m.owner.fate(token) == "pending");
  CHECK(m.owner.code(m.call("f")) == "overloaded");
  m.node.congested(peer.id, false);
  m.settle();
  CHECK(peer.requested == 1);
}

TEST_CASE(
  "credit: outbound_calls, waiting_calls and waiting_bytes bound what waits at the caller") {
  auto refusal = [](const patio::limits& limits) {
    played_mesh m{{.limits = limits}};
    meet_with_credit(m, {"f"}, 0);
    m.call("f");
    m.call("f");
    return m.owner.fate(m.call("f"));
  };
  CHECK(
    refusal({.outbound_calls = 2}).starts_with("overloaded: 'f': 2 calls wait for the answers"));
  CHECK(refusal({.waiting_calls = 2}).starts_with("overloaded: 2 calls wait for an answer"));
  CHECK(refusal({.waiting_bytes = 100}).starts_with("overloaded: the arguments of waiting calls"));
  CHECK(refusal({}) == "pending");
}

TEST_CASE("credit: a node that is shut down ends its held calls") {
  played_mesh m;
  meet_with_credit(m, {"f"}, 0);
  auto token = m.call("f");
  m.node.shut_down({patio::errc::shut_down, "over", {}});
  CHECK(m.owner.code(token) == "shut_down");
  CHECK(m.node.tables().waiting_names == 0);
}

TEST_CASE("credit: a node that goes away still sends its held calls") {
  bounded_server m{{1, 2}};
  m.call(10);
  m.caller.node.go_away();
  m.settle();
  CHECK_FALSE(m.caller.node.is_drained());
  for (int i = 0; i < 10; ++i) m.run_next();
  CHECK(m.caller.node.is_drained());
  for (std::uint64_t token = 1; token <= 10; ++token) CHECK(m.caller.code(token) != "pending");
}
