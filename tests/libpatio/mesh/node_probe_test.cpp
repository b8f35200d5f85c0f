// A node probes its peers periodically to update their names and to see a sign of life.
#include <patio/mesh/node.hpp>

#include "protocol/played_peer.hpp"

using patio::errc;
using patio::value;

namespace {

using names = std::vector<std::string>;

const patio::mesh::node_options in_turn{.route = patio::routing::round_robin};
const std::string hangs = "the peer did not answer the last probes and seems to hang";

} // namespace

TEST_CASE(
  "node: names that a peer adds are noticed within ten seconds, and waiting calls are sent") {
  played_mesh m{{.limits = {.route_timeout = 1min}}};
  auto& peer = m.meet({"old"});
  peer.names = {"old", "new"};
  auto waiting = m.call("new");
  m.pass(10s - 1ns);
  CHECK(m.node.peers()[0].names == names{"old"});
  CHECK(peer.requested == 0);
  m.pass(1ns);
  CHECK(m.node.peers()[0].names == names{"new", "old"});
  REQUIRE(peer.requests.size() == 1);
  peer.answer_next(value{6}, m.now);
  CHECK(m.owner.fate(waiting) == "6");
  CHECK(m.owner.met.size() == 1); // the owner has met this peer already
}

TEST_CASE("node: removed names are noticed within ten seconds, and calls go to another peer") {
  played_mesh m{in_turn};
  auto &first = m.meet({"f", "g"}), &second = m.meet({"f"});
  first.names = {"g"};
  first.answers = second.answers = value{1};
  CHECK(m.share_of(first, 4) == 2);
  m.pass(10s);
  CHECK(m.share_of(first, 4) == 0);
  CHECK(m.share_of(first, 4, "g") == 4);
}

TEST_CASE("node: every ready peer is probed every ten seconds unless a probe is still unanswered") {
  played_mesh m;
  auto& early = m.meet({});
  m.pass(3s);
  auto& late = m.meet({});
  CHECK(early.discovered + late.discovered == 2);
  m.pass(7s - 1ns);
  CHECK(early.discovered == 1);
  m.pass(1ns);
  CHECK(early.discovered == 2);
  CHECK(late.discovered == 1);
  m.pass(3s);
  CHECK(late.discovered == 2);
  early.silent = true;
  m.pass(17s); // probed at 20 s, and not at 30 s
  CHECK(early.discovered == 3);
  CHECK(late.discovered == 3);
  m.pass(10min);
  CHECK(late.discovered == 63);
  CHECK(m.knows(late));
}

TEST_CASE(
  "node: a silent C++ peer is closed after at most thirty seconds, and its calls are lost") {
  for (std::chrono::nanoseconds heard_last :
       {std::chrono::nanoseconds{10s},
        20s - 1ns}) { // just after an answer, and just before the next probe
    played_mesh m;
    auto& peer = m.meet({"f"});
    m.pass(heard_last);
    peer.silent = true;
    auto owed = m.call("f");
    auto until_closed = 40s - heard_last;
    CHECK(until_closed <= 30s);
    m.pass(until_closed - 1ns);
    CHECK(m.knows(peer));
    CHECK(m.owner.fate(owed) == "pending");
    m.pass(1ns);
    CHECK_FALSE(m.knows(peer));
    REQUIRE(m.owner.closings.size() == 1);
    CHECK(m.owner.closings[0] == patio::error{errc::maybe_executed, hangs, {}});
    CHECK(m.owner.code(owed) == "maybe_executed");
  }
}

TEST_CASE("node: a silent peer that announces any extension is closed, although it owes results") {
  for (auto announced :
       {patio::protocol::extensions{.cancel = true}, {.leaving = true}, {.endings = true}}) {
    played_mesh m;
    auto& peer = m.meet({"f"}, announced);
    peer.silent = true;
    m.call("f");
    m.pass(30s);
    CHECK_FALSE(m.knows(peer));
  }
}

TEST_CASE("node: a silent Python-like peer is closed only when it owes no results") {
  played_mesh m;
  auto& peer = m.meet({"f"}, {});
  auto owed = m.call("f");
  peer.silent = true;
  m.pass(5min);
  CHECK(m.knows(peer));
  CHECK(m.owner.fate(owed) == "pending");
  peer.answer_next(value{1}, m.now); // its names still wait behind another worker
  CHECK(m.owner.fate(owed) == "1");
  m.pass(10s - 1ns);
  CHECK(m.knows(peer));
  m.pass(1ns);
  CHECK_FALSE(m.knows(peer));
  CHECK(m.owner.closings.at(0).message == hangs);
}

TEST_CASE("node: a silent Python-like peer without running calls is closed like any other peer") {
  played_mesh m;
  auto& peer = m.meet({"f"}, {});
  peer.silent = true;
  m.pass(30s - 1ns);
  CHECK(m.knows(peer));
  m.pass(1ns);
  CHECK_FALSE(m.knows(peer));
}

TEST_CASE("node: a Python-like peer owes no results after its calls have timed out") {
  played_mesh m;
  auto& peer = m.meet({"f"}, {});
  peer.silent = true;
  auto owed = m.call("f", 32);
  m.pass(32s);
  CHECK(m.owner.code(owed) == "timeout");
  CHECK(m.knows(peer));
  m.pass(8s);
  CHECK_FALSE(m.knows(peer));
}

TEST_CASE("node: a missed probe ejects a peer, and a late answer readmits it") {
  for (const auto& announced : {patio::protocol::all_extensions, patio::protocol::extensions{}}) {
    played_mesh m{in_turn};
    auto& slow = m.meet({"f"}, announced);
    auto& other = m.meet({"f"});
    other.answers = value{2};
    slow.answers = value{1};
    slow.silent = true;
    m.pass(20s - 1ns);
    m.node.call(900, calling("f"), m.now);
    m.node.call(901, calling("f"), m.now);
    m.settle();
    CHECK(slow.requested == 1); // probed at 10 s, not missed yet
    m.pass(1ns);
    CHECK(m.share_of(slow, 10) == 0);
    CHECK(m.knows(slow));
    slow.silent = false;
    slow.answer_asked(m.now);
    slow.answer_next(value{1}, m.now);
    CHECK(m.share_of(slow, 10) == 5);
    m.pass(10min); // an answer resets the count of missed probes
    CHECK(m.knows(slow));
    CHECK(m.share_of(slow, 10) == 5);
  }
}

TEST_CASE(
  "node: late answers readmit even a Python-like peer that has been silent for a long time") {
  played_mesh m{in_turn};
  auto& busy = m.meet({"f"}, {});
  m.meet({"f"}).answers = value{2};
  m.call("f");
  m.call("f");
  REQUIRE(busy.requests.size() == 1);
  busy.silent = true;
  m.pass(5min);
  CHECK(m.share_of(busy, 10) == 0);
  CHECK(busy.asked.size() == 1);
  busy.silent = false;
  busy.answers = value{1};
  busy.answer_asked(m.now);
  CHECK(m.share_of(busy, 10) == 5);
  m.pass(20s); // the peer still owes a result
  CHECK(m.knows(busy));
}

TEST_CASE("node: a peer that has missed a probe is still used if it is alone") {
  played_mesh m;
  auto& peer = m.meet({"f"});
  peer.silent = true;
  m.pass(20s);
  CHECK(m.share_of(peer, 3) == 3);
}

TEST_CASE("node: the answer to a ping also counts as a sign of life") {
  played_mesh m{in_turn};
  auto& peer = m.meet({"f"});
  m.meet({"f"}).answers = value{2};
  peer.silent = true;
  m.pass(25s);
  CHECK(m.share_of(peer, 4) == 0);
  REQUIRE(m.node.ask(peer.id, 7, patio::mesh::ping{}));
  m.settle();
  REQUIRE(peer.asked.size() == 2);
  peer.asked.pop_front(); // the probe, which stays unanswered
  peer.answer_asked(m.now);
  CHECK(m.owner.answers.pongs == std::vector<std::uint64_t>{7});
  CHECK(m.share_of(peer, 4) == 2);
  m.pass(5s); // missed again, for the first time
  CHECK(m.knows(peer));
}

TEST_CASE("node: the probe interval and the number of allowed missed probes are configurable") {
  played_mesh m{{.limits = {.probe_interval = 1s, .missed_probes = 4}}};
  auto& peer = m.meet({"f"});
  m.pass(10s);
  CHECK(peer.discovered == 11);
  peer.silent = true;
  m.pass(5s - 1ns);
  CHECK(m.knows(peer));
  m.pass(1ns);
  CHECK_FALSE(m.knows(peer));
  played_mesh never{{.limits = {.probe_interval = patio::never}}};
  auto& forgotten = never.meet({"f"});
  forgotten.silent = true;
  never.pass(24h);
  CHECK(never.knows(forgotten));
  CHECK(forgotten.discovered == 1);
}

TEST_CASE("node: a node that wakes after a long sleep does not close its peers") {
  played_mesh m;
  auto& peer = m.meet({"f"});
  m.now += 1h; // the clock advanced without ticks
  m.node.tick(m.now);
  m.settle();
  CHECK(m.knows(peer));
  m.pass(10min);
  CHECK(m.knows(peer));
}

TEST_CASE(
  "node: a peer that goes away is still probed, but its answers do not bring back its routes") {
  played_mesh m{{.limits = {.route_timeout = 1min}}};
  auto& peer = m.meet({"f"});
  peer.send(patio::protocol::packet::leaving, pickled_none, m.now);
  auto waiting = m.call("f");
  m.pass(20s);
  CHECK(peer.discovered == 3);
  CHECK(peer.requested == 0);
  CHECK(m.owner.fate(waiting) == "pending");
  peer.silent = true;
  m.pass(30s);
  CHECK_FALSE(m.knows(peer));
}

TEST_CASE("node: a peer that is still sending a large frame is not silent") {
  played_mesh m;
  auto& peer = m.meet({"f"});
  peer.silent = true; // its answers are queued behind the frame
  auto frame =
    framed(patio::protocol::packet::request, 77, pickled_call("f", {std::string(10'000, 'x')}));
  auto drip = [&](std::size_t bytes_a_second) {
    for (int second = 0; second < 60; ++second) {
      m.node.receive(peer.id, frame.substr(0, bytes_a_second), m.now);
      frame.erase(0, bytes_a_second);
      m.pass(1s);
    }
  };
  drip(105);
  CHECK(m.knows(peer));
  drip(50); // at this rate the largest frame would take a week
  CHECK_FALSE(m.knows(peer));
}
