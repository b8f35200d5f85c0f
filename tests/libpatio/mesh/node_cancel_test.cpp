// A node requests the stop of work whose result is no longer needed: its call is cancelled, timed
// out or answered, or its connection is lost.
#include <patio/mesh/node.hpp>

#include "protocol/played_peer.hpp"

using patio::errc;
using patio::value;

namespace {

/// Starts one call of "slow" that runs at the server.
struct running_call : two_nodes {
  patio::mesh::call_id call;
  explicit running_call(patio::mesh::node_options for_server = {}, value timeout = {})
      : two_nodes{{}, std::move(for_server)} {
    server.hold = true;
    call = caller.node.call(1, calling("slow", {6}, std::move(timeout)), now);
    settle();
    REQUIRE(server.held.size() == 1);
    REQUIRE_FALSE(work().stop.stop_requested());
  }
  test_node::work& work() { return server.held.front(); }
  void check_wire() const {
    for (const auto& complaint : wire.judge.complaints) FAIL_CHECK(complaint);
  }
};

} // namespace

TEST_CASE(
  "node: cancelling a call requests its stop at the serving node, and the late result is dropped") {
  running_call m;
  m.caller.node.cancel(m.call);
  CHECK(m.caller.fate(1) == "cancelled: peer node1:15383");
  m.settle();
  CHECK(m.work().stop.stop_requested());
  CHECK(m.server.node.peers()[0].inbound == 0);
  m.server.run(std::move(m.work()));
  m.settle();
  CHECK(m.caller.ended[1].size() == 1);
  m.server.hold = false;
  m.caller.node.call(2, calling("mul", {6, 7}), m.now);
  m.settle();
  CHECK(m.caller.fate(2) == "42");
  CHECK(m.caller.node.peers()[0].outbound == 0);
  m.check_wire();
}

TEST_CASE("node: a Python-like peer runs a cancelled call to its end") {
  running_call m{like_python};
  m.caller.node.cancel(m.call);
  m.settle();
  CHECK_FALSE(m.work().stop.stop_requested());
  CHECK(m.server.node.peers()[0].inbound == 1);
  auto over = m.work().stop;
  m.server.run(std::move(m.work()));
  m.settle();
  CHECK(over.stop_requested());
  CHECK(m.caller.fate(1) == "cancelled: peer node1:15383");
  m.check_wire();
}

TEST_CASE("node: a call's stop is requested when the call is answered, and not before") {
  running_call m;
  m.pass(1h);
  CHECK_FALSE(m.work().stop.stop_requested());
  auto over = m.work().stop;
  m.server.run(std::move(m.work()));
  CHECK(over.stop_requested());
  m.settle();
  CHECK(m.caller.fate(1) == "6");
}

TEST_CASE("node: a call's stop is requested at its deadline, and not a nanosecond before") {
  running_call m{{}, value{2}};
  m.server.node.tick(m.now + 2s - 1ns);
  CHECK_FALSE(m.work().stop.stop_requested());
  m.server.node.tick(m.now + 2s);
  CHECK(m.work().stop.stop_requested());
}

TEST_CASE("node: a call's stop is requested when its connection or its node ends") {
  running_call m;
  SUBCASE("the connection is lost") { m.cut(m.wire); }
  SUBCASE("the peer breaks the protocol") {
    m.server.node.receive(m.wire.at_b, std::string(9, '\x7f'), m.now);
  }
  SUBCASE("the owner closes the connection") {
    m.server.node.close(m.wire.at_b, {errc::invalid, "not this one", {}}, 0);
  }
  SUBCASE("the node shuts down") { m.server.node.shut_down({errc::shut_down, "over", {}}); }
  CHECK(m.work().stop.stop_requested());
}

TEST_CASE(
  "node: a call that timed out at the caller keeps running until the serving node's own deadline") {
  running_call m{{}, value{2}};
  m.wire.to_a.stopped = true;
  m.caller.node.tick(m.now + 2s);
  CHECK(m.caller.code(1) == "timeout");
  m.settle(); // no CANCEL is sent, so nothing changes at the server
  CHECK_FALSE(m.work().stop.stop_requested());
  m.server.node.tick(m.now + 2s);
  CHECK(m.work().stop.stop_requested());
  m.check_wire();
}

TEST_CASE("node: cancelling one call does not stop the other calls of the same peer") {
  running_call m;
  m.caller.node.call(2, calling("slow", {7}), m.now);
  m.settle();
  m.caller.node.cancel(m.call);
  m.settle();
  REQUIRE(m.server.held.size() == 2);
  CHECK(m.server.held[0].stop.stop_requested());
  CHECK_FALSE(m.server.held[1].stop.stop_requested());
  m.server.run(std::move(m.server.held[1]));
  m.settle();
  CHECK(m.caller.fate(2) == "7");
}

TEST_CASE("node: cancelling a call that the peer has just answered does not violate the protocol") {
  running_call m;
  m.wire.to_a.stopped = true;
  m.server.run(std::move(m.work()));
  m.settle();
  m.caller.node.cancel(m.call);
  m.wire.to_a.stopped = false;
  m.settle();
  CHECK(m.caller.fate(1) == "cancelled: peer node1:15383");
  CHECK(m.caller.node.peers().size() == 1);
  m.check_wire();
}

TEST_CASE("node: the late result of an earlier call does not answer a later call with the same "
          "serial (M2)") {
  played_mesh m{{}, some_functions()};
  m.owner.hold = true;
  auto& peer = m.meet({});
  auto request = [&](int n) {
    peer.send(patio::protocol::packet::request, pickled_call("slow", {n}, 1), m.now, 77);
  };
  request(1);
  m.pass(1s); // the deadline answers the call, so the peer may reuse the serial
  request(2);
  REQUIRE(m.owner.held.size() == 2);
  CHECK(m.owner.held[0].id.request.serial == m.owner.held[1].id.request.serial);
  m.owner.run(std::move(m.owner.held[0]));
  CHECK(m.node.output(peer.id).empty());
  CHECK_FALSE(m.owner.held[1].stop.stop_requested());
  m.owner.run(std::move(m.owner.held[1]));
  CHECK(shown(m.node.output(peer.id)) == lines{"RESPONSE 77 2"});
}

TEST_CASE(
  "node: the deadline of an earlier call does not end a later call with the same serial (M2)") {
  played_mesh m{{}, some_functions()};
  m.owner.hold = true;
  auto& peer = m.meet({});
  peer.send(patio::protocol::packet::request, pickled_call("slow", {1}, 1), m.now, 77);
  m.owner.run(std::move(m.owner.held[0]));
  m.settle();
  peer.send(patio::protocol::packet::request, pickled_call("slow", {2}, 60), m.now, 77);
  m.pass(30s - 1ns);
  CHECK_FALSE(m.owner.held[1].stop.stop_requested());
  m.pass(30s + 1ns);
  CHECK(m.owner.held[1].stop.stop_requested());
}

TEST_CASE("node: cancelling a call reports that the connection has bytes to send") {
  running_call m;
  (void)m.caller.node.take_dirty();
  m.caller.node.cancel(m.call);
  CHECK(shown(m.caller.node.output(m.wire.at_a)) == lines{"CANCEL 3 None"});
  CHECK(m.caller.node.take_dirty() == std::vector{m.wire.at_a});
}
