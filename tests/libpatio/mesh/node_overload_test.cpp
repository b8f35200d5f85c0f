// The memory limit for the requests of all peers, and peers that do not read.
#include <patio/mesh/node.hpp>

#include "protocol/played_peer.hpp"

using patio::value;

namespace {

const std::string text(1'000, 'x');

/// Connects two callers to a server that holds its work and has a small memory limit.
struct two_callers : mesh {
  test_node &server, &first, &second;
  link &to_first, &to_second;
  explicit two_callers(std::size_t bytes)
      : server{add(some_functions(), {.limits = {.node_inbound_bytes = bytes}})}, first{add()},
        second{add()}, to_first{connect(1, 0)}, to_second{connect(2, 0)} {
    server.hold = true;
    settle();
  }
  std::string call(test_node& by, std::uint64_t token) {
    by.node.call(token, calling("slow", {text}), now);
    settle();
    return by.fate(token);
  }
};

/// Returns the memory of a request's decoded arguments.
std::size_t decoded(const std::string& payload) {
  std::size_t memory = 0;
  (void)patio::read_call_request(payload, {}, {}, &memory);
  return memory;
}

const std::size_t bytes_of_one = decoded(pickled_call("slow", {text}));

} // namespace

TEST_CASE(
  "node: the memory of all peers' requests is limited and is released when they are answered") {
  two_callers m{2 * bytes_of_one - 1};
  CHECK(m.call(m.first, 1) == "pending");
  CHECK(m.call(m.second, 1) == "pending");
  auto refused = "overloaded: peer node0:15383: overloaded: the arguments of all calls take "
                 + std::to_string(2 * bytes_of_one) + " bytes";
  CHECK(m.call(m.first, 2) == refused);
  CHECK(m.call(m.second, 2) == refused);
  CHECK(m.server.held.size() == 2);
  m.server.run(std::move(m.server.held[0]));
  CHECK(m.call(m.second, 3) == "pending");
  CHECK(m.call(m.second, 4) == refused);
}

TEST_CASE("node: memory that exactly reaches the limit does not exceed it") {
  two_callers m{2 * bytes_of_one};
  for (std::uint64_t token : {1u, 2u}) CHECK(m.call(m.first, token) == "pending");
  CHECK(m.call(m.second, 3) == "pending");
  CHECK(m.call(m.second, 4).starts_with("overloaded"));
}

TEST_CASE(
  "node: the memory of a lost connection's requests counts until the executor releases them") {
  two_callers m{bytes_of_one - 1};
  CHECK(m.call(m.first, 1) == "pending");
  CHECK(m.call(m.second, 1).starts_with("overloaded"));
  m.cut(m.to_first);
  CHECK(m.call(m.second, 2).starts_with("overloaded"));
  m.server.held.clear();
  CHECK(m.call(m.second, 3) == "pending");
  CHECK(m.call(m.second, 4).starts_with("overloaded"));
  m.server.run(std::move(m.server.held[0]));
  CHECK(m.call(m.second, 5) == "pending");
}

TEST_CASE("node: a cancelled or timed-out request counts until the executor releases it") {
  auto each_way = [](const patio::limits& limits) {
    mesh m;
    auto& server = m.add(some_functions(), {.limits = limits});
    auto& caller = m.add();
    m.connect(1, 0);
    server.hold = true;
    m.settle();
    auto id = caller.node.call(1, calling("slow", {text}), m.now);
    caller.node.call(2, calling("slow", {text}, 1), m.now);
    m.settle();
    caller.node.cancel(id);
    m.pass(1s);
    CHECK(caller.code(1) == "cancelled");
    CHECK(caller.code(2) == "timeout");
    REQUIRE(server.held.size() == 2);
    auto call = [&](std::uint64_t token) {
      caller.node.call(token, calling("slow", {text}), m.now);
      m.settle();
      return caller.code(token);
    };
    CHECK(call(3) == "overloaded");
    server.held.pop_front();
    CHECK(call(4) == "pending");
    CHECK(call(5) == "overloaded");
    server.held.clear();
    CHECK(call(6) == "pending");
  };
  each_way({.node_inbound_bytes = 2 * bytes_of_one - 1});
  each_way({.inbound_bytes = 2 * bytes_of_one});
}

TEST_CASE(
  "node: the requests of a peer are refused while it does not read, and its running calls go on") {
  two_nodes m;
  m.server.hold = true;
  m.caller.node.call(1, calling("slow", {6}), m.now);
  m.settle();
  m.server.node.congested(m.wire.at_b, true);
  m.caller.node.call(2, calling("slow", {7}), m.now);
  m.settle();
  CHECK(m.caller.fate(2)
        == "overloaded: peer node1:15383: overloaded: the caller does not read its answers");
  CHECK(m.server.held.size() == 1);
  m.server.run(std::move(m.server.held[0]));
  m.settle();
  CHECK(m.caller.fate(1) == "6");
  m.server.node.congested(m.wire.at_b, false);
  m.caller.node.call(3, calling("slow", {8}), m.now);
  m.settle();
  CHECK(m.caller.fate(3) == "pending");
  CHECK(m.server.held.size() == 2);
}

TEST_CASE(
  "node: calls to a peer that does not read are refused at once and do not count as its failures") {
  played_mesh m;
  auto& peer = m.meet({"f"});
  peer.answers = value{1};
  m.node.congested(peer.id, true);
  for (int i = 0; i < 10; ++i)
    CHECK(m.owner.fate(m.call("f"))
            .starts_with(
              "overloaded: 'f' at played:1: the peer does not read (limit high_water_bytes=4MiB"));
  CHECK(m.owner.fate(m.call("f", {}, peer.id))
          .starts_with(
            "overloaded: 'f' at played:1: the peer does not read (limit high_water_bytes=4MiB"));
  CHECK(peer.requested == 0);
  auto& other = m.meet({"f"});
  other.answers = value{2};
  m.node.congested(peer.id, false);
  CHECK(m.share_of(peer, 100) > 10);
}

TEST_CASE("node: least loaded never picks a peer that does not read") {
  played_mesh m;
  auto &stuck = m.meet({"f"}), &busy = m.meet({"f"});
  for (int i = 0; i < 50; ++i) m.call("f", {}, busy.id);
  m.node.congested(stuck.id, true);
  CHECK(m.share_of(stuck, 50) == 0);
  CHECK(busy.requested == 100);
}

TEST_CASE("node: an unknown connection is not congested") {
  two_nodes m;
  m.server.node.congested(12'345, true);
  m.caller.node.call(1, calling("mul", {6, 7}), m.now);
  m.settle();
  CHECK(m.caller.fate(1) == "42");
}

TEST_CASE("node: a peer that breaks the protocol during its calls does not make the node refuse "
          "other peers") {
  two_callers m{2 * bytes_of_one};
  CHECK(m.call(m.first, 1) == "pending");
  m.server.node.receive(m.to_first.at_b, std::string(9, '\x7f'), m.now);
  CHECK(m.server.closings.size() == 1);
  CHECK(m.call(m.second, 1) == "pending");
  CHECK(m.server.held.size() == 2);
}

TEST_CASE(
  "node: every routing policy skips a peer that does not read while another peer serves the name") {
  for (auto how : {patio::routing::round_robin, patio::routing::least_loaded}) {
    played_mesh m{{.route = how}};
    std::vector<played_peer*> stuck;
    for (int i = 0; i < 5; ++i) stuck.push_back(&m.meet({"f"}));
    auto& reads = m.meet({"f"});
    reads.answers = value{1};
    for (auto* peer : stuck) m.node.congested(peer->id, true);
    CHECK(m.share_of(reads, 100) == 100);
  }
}
