// Credit between nodes: what waits at the caller, in which order it is sent, and how it ends.
#include <patio/mesh/node.hpp>

#include "protocol/played_peer.hpp"

using patio::value;
using patio::mesh::credit_bounds;
using patio::protocol::packet;
using patio::protocol::write_queue_total;

namespace {

/// A caller, and a server whose queue holds so many requests.
struct bounded_server : two_nodes {
  explicit bounded_server(credit_bounds bounds, patio::mesh::node_options for_caller = {})
      : two_nodes{std::move(for_caller), {.executors = {{"", bounds}}}} {
    server.hold = server.queues = true;
  }
  void call(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      ++last_token;
      caller.node.call(last_token, calling("slow", {value{last_token}}), now);
    }
    settle();
  }
  void run_next() {
    auto w = std::move(server.held.front());
    server.held.pop_front();
    server.run(std::move(w));
    settle();
  }
  std::uint64_t last_token = 0;
};

/// A peer that grants only what the test says.
played_peer& meet_with_credit(played_mesh& m, std::vector<std::string> names,
                              std::uint64_t credit) {
  m.peers.push_back(std::make_unique<played_peer>(m.node, std::move(names),
                                                  patio::protocol::all_extensions, m.now));
  auto& peer = *m.peers.back();
  peer.credit = credit;
  peer.log_in(m.now);
  peer.discover(m.now);
  m.settle();
  return peer;
}

void grant(played_mesh& m, played_peer& peer, std::uint64_t total,
           patio::protocol::queue_number queue = 0) {
  peer.send(packet::credit, write_queue_total({queue, total}), m.now, 0);
  m.settle();
}

std::vector<std::string> requested(const played_peer& peer) {
  std::vector<std::string> names;
  for (const auto& f : peer.requests)
    names.push_back(patio::read_call_request(f.payload).value().function);
  return names;
}

} // namespace

TEST_CASE(
  "credit: a caller holds the calls for which the server has no room, and none is refused") {
  bounded_server m{{1, 8}};
  m.call(100);
  CHECK(m.server.held.size() >= 1);
  CHECK(m.server.held.size() <= 8);
  for (int i = 0; i < 100; ++i) {
    REQUIRE_FALSE(m.server.held.empty());
    CHECK(m.server.held.size() <= 8);
    m.run_next();
  }
  for (std::uint64_t token = 1; token <= 100; ++token)
    CHECK(m.caller.fate(token) == std::to_string(token));
  CHECK(m.caller.node.tables().waiting_names == 0);
}

TEST_CASE("credit: calls that have begun use no credit") {
  bounded_server m{{1, 8}};
  m.server.queues = false;
  m.call(100);
  CHECK(m.server.held.size() == 100);
}

TEST_CASE("credit: quick functions and functions with a bound never wait behind others") {
  auto functions = some_functions();
  functions.add("bounded", [](value v) { return v; }, {.max_concurrency = 1});
  functions.add("urgent", [](value v) { return v; }, {.priority = patio::priority::high});
  mesh m;
  auto& caller = m.add();
  auto& server = m.add(std::move(functions), {.executors = {{"", {1, 1}}}});
  m.connect(0, 1);
  m.settle();
  server.hold = server.queues = true;
  for (std::uint64_t token = 1; token <= 20; ++token)
    caller.node.call(token, calling("slow", {1}), m.now);
  m.settle();
  REQUIRE(server.held.size() == 1);
  caller.node.call(21, calling("echo", {1}), m.now);
  caller.node.call(22, calling("bounded", {1}), m.now);
  caller.node.call(23, calling("bounded", {1}), m.now);
  caller.node.call(24, calling("urgent", {1}), m.now);
  m.settle();
  CHECK(caller.fate(21) == "1");
  REQUIRE(server.held.size() == 4);
  CHECK(server.held[1].entry->name == "bounded");
  CHECK(server.held[3].entry->name == "urgent");
}

TEST_CASE("credit: the window of a fast server grows with its caller's calls") {
  bounded_server m{{1, 100'000}};
  m.server.hold = m.server.queues = false;
  m.call(10'000);
  m.server.hold = m.server.queues = true;
  m.call(10'000);
  CHECK(m.server.held.size() > 100);
  CHECK(m.caller.ended.size() == 10'000);
}

TEST_CASE("credit: a peer without the extension gets every call at once") {
  two_nodes m{{}, {.extensions = {true, true, true, false}, .executors = {{"", {1, 1}}}}};
  m.server.hold = m.server.queues = true;
  for (std::uint64_t token = 1; token <= 100; ++token)
    m.caller.node.call(token, calling("slow", {1}), m.now);
  m.settle();
  CHECK(m.server.held.size() == 100);
}

TEST_CASE("credit: a waiting call goes to the peer that has room first") {
  played_mesh m;
  auto &slow = meet_with_credit(m, {"f"}, 1), &fast = meet_with_credit(m, {"f"}, 1);
  for (int i = 0; i < 6; ++i) m.call("f");
  CHECK(slow.requested == 1);
  CHECK(fast.requested == 1);
  grant(m, fast, 4);
  CHECK(fast.requested == 4);
  grant(m, slow, 9);
  CHECK(slow.requested == 2);
  CHECK(std::ranges::count(slow.others, packet::credit_used, &raw_frame::type) == 1);
}

TEST_CASE("credit: calls of all names are sent in the order in which they were made") {
  played_mesh m;
  auto& peer = meet_with_credit(m, {"f", "g", "h"}, 0);
  for (const auto* name : {"g", "f", "h", "f", "g", "h", "h"}) m.call(name);
  grant(m, peer, 4);
  CHECK(requested(peer) == std::vector<std::string>{"g", "f", "h", "f"});
  grant(m, peer, 100);
  CHECK(requested(peer) == std::vector<std::string>{"g", "f", "h", "f", "g", "h", "h"});
}

TEST_CASE("credit: a call without credit ends at its deadline, and was not sent") {
  played_mesh m;
  auto& peer = meet_with_credit(m, {"f"}, 0);
  auto token = m.call("f", 2);
  m.pass(2s - 1ns);
  CHECK(m.owner.fate(token) == "pending");
  m.pass(1ns);
  CHECK(m.owner.fate(token) == "timeout: no peer had room for 'f' in time");
  grant(m, peer, 10);
  CHECK(peer.requested == 0);
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

TEST_CASE("credit: a caller that sends more than its credit is refused call by call") {
  played_mesh m{{.executors = {{"", {1, 1}}}}, some_functions()};
  m.owner.hold = m.owner.queues = true;
  auto& peer = m.meet({});
  for (std::uint32_t serial = 100; serial < 110; ++serial)
    peer.send(packet::request, pickled_call("slow", {1}), m.now, serial);
  m.settle();
  CHECK(m.owner.held.size() == 1);
  CHECK(m.knows(peer));
  REQUIRE(m.owner.logged.size() == 9);
  CHECK(m.owner.logged[0].find("the caller has sent more than its credit") != std::string::npos);
}

TEST_CASE("credit: a request that is refused before its function is known does not cost its caller "
          "a place for good") {
  two_nodes m{
    {},
    {.limits = {.frame_bytes = 300, .skipped_frame_bytes = 10'000}, .executors = {{"", {1, 1}}}}};
  for (std::uint64_t token = 1; token <= 20; ++token)
    m.caller.node.call(token, calling("slow", {std::string(1'000, 'x')}), m.now);
  m.caller.node.call(21, calling("slow", {1}), m.now);
  m.settle();
  for (std::uint64_t token = 1; token <= 20; ++token) CHECK(m.caller.code(token) == "undecodable");
  CHECK(m.caller.fate(21) == "1");
}

TEST_CASE("credit: a worker that takes a call wakes the owner when credit can be granted") {
  int woken = 0;
  mesh m;
  auto& caller = m.add();
  auto& server = m.add(some_functions(), {.executors = {{"", {1, 16}}}, .wake = [&] { ++woken; }});
  m.connect(0, 1);
  m.settle();
  server.hold = server.queues = true;
  for (std::uint64_t token = 1; token <= 50; ++token)
    caller.node.call(token, calling("slow", {1}), m.now);
  m.settle();
  auto before = server.held.size();
  REQUIRE(before <= 16);
  for (auto& work : server.held) work.reservation->begin(m.now);
  REQUIRE(woken == 1);
  server.node.tick(m.now);
  m.settle();
  CHECK(server.held.size() > before);
}
