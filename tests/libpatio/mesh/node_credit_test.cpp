// Credit between nodes: what waits at the caller, and in which order it is sent.
#include <patio/mesh/node.hpp>

#include "mesh/credit_fixture.hpp"

using patio::value;
using patio::protocol::packet;

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
