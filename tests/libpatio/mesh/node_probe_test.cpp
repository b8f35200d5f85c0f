// What a node asks its peers for again and again: their names, and a sign of life.
#include <patio/mesh/node.hpp>

#include "protocol/played_peer.hpp"

using patio::errc;
using patio::value;

namespace {

using names = std::vector<std::string>;

const patio::mesh::node_options in_turn{.route = patio::routing::round_robin};
const std::string hangs = "the peer has answered nothing for a while: it hangs";

} // namespace

TEST_CASE(
  "node: names that a peer adds are noticed within ten seconds, and waiting calls with them") {
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

TEST_CASE("node: names that are gone are noticed within ten seconds, and calls go elsewhere") {
  played_mesh m{in_turn};
  auto &first = m.meet({"f", "g"}), &second = m.meet({"f"});
  first.names = {"g"};
  first.answers = second.answers = value{1};
  CHECK(m.share_of(first, 4) == 2);
  m.pass(10s);
  CHECK(m.share_of(first, 4) == 0);
  CHECK(m.share_of(first, 4, "g") == 4);
}

TEST_CASE("node: every peer is asked every ten seconds, from when it was ready, and one that has "
          "not answered is not asked again") {
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
  m.pass(17s); // asked at 20, and not at 30
  CHECK(early.discovered == 3);
  CHECK(late.discovered == 3);
  m.pass(10min);
  CHECK(late.discovered == 63);
  CHECK(m.knows(late));
}

TEST_CASE(
  "node: a silent C++ peer is closed after thirty seconds at most, and its calls are lost") {
  for (std::chrono::nanoseconds heard_last :
       {std::chrono::nanoseconds{10s},
        20s - 1ns}) { // just after it has answered, and just before it would have been asked
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

TEST_CASE("node: a peer that announces any extension is no Python peer, and not excused") {
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

TEST_CASE(
  "node: a silent peer like Python that owes results is not closed, and is when it owes none") {
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

TEST_CASE("node: a silent peer like Python that owes nothing is closed like any other") {
  played_mesh m;
  auto& peer = m.meet({"f"}, {});
  peer.silent = true;
  m.pass(30s - 1ns);
  CHECK(m.knows(peer));
  m.pass(1ns);
  CHECK_FALSE(m.knows(peer));
}

TEST_CASE("node: a peer like Python owes nothing any more when its calls have timed out") {
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

TEST_CASE("node: a peer that has missed a refresh is avoided, and a late answer restores it") {
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
    CHECK(slow.requested == 1); // asked at 10, not missed yet
    m.pass(1ns);
    CHECK(m.share_of(slow, 10) == 0);
    CHECK(m.knows(slow));
    slow.silent = false;
    slow.answer_asked(m.now);
    slow.answer_next(value{1}, m.now);
    CHECK(m.share_of(slow, 10) == 5);
    m.pass(10min); // and what it has missed is forgotten
    CHECK(m.knows(slow));
    CHECK(m.share_of(slow, 10) == 5);
  }
}

TEST_CASE("node: late answers restore even a Python peer that has been silent for long") {
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
  m.pass(20s); // it owes a result as before, but that is no excuse it needs
  CHECK(m.knows(busy));
}

TEST_CASE("node: a peer that has missed a refresh is used as before if it is alone") {
  played_mesh m;
  auto& peer = m.meet({"f"});
  peer.silent = true;
  m.pass(20s);
  CHECK(m.share_of(peer, 3) == 3);
}

TEST_CASE("node: a ping's answer is a sign of life as well") {
  played_mesh m{in_turn};
  auto& peer = m.meet({"f"});
  m.meet({"f"}).answers = value{2};
  peer.silent = true;
  m.pass(25s);
  CHECK(m.share_of(peer, 4) == 0);
  REQUIRE(m.node.ping(peer.id, 7));
  m.settle();
  REQUIRE(peer.asked.size() == 2);
  peer.asked.pop_front(); // the refresh, which is never answered
  peer.answer_asked(m.now);
  CHECK(m.owner.pongs == std::vector<std::uint64_t>{7});
  CHECK(m.share_of(peer, 4) == 2);
  m.pass(5s); // missed again, for the first time
  CHECK(m.knows(peer));
}

TEST_CASE("node: how often to ask and how often to forgive can be set") {
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

TEST_CASE("node: a node that was asleep for long does not take its peers for dead") {
  played_mesh m;
  auto& peer = m.meet({"f"});
  m.now += 1h; // its clock went on, its ticks did not
  m.node.tick(m.now);
  m.settle();
  CHECK(m.knows(peer));
  m.pass(10min);
  CHECK(m.knows(peer));
}

TEST_CASE("node: a peer that is leaving is still asked, but not called again for what it says") {
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

TEST_CASE("node: a peer whose large frame takes its time is not silent") {
  played_mesh m;
  auto& peer = m.meet({"f"});
  peer.silent = true; // its answers wait behind the frame
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
  drip(50); // which would take a week for the largest
  CHECK_FALSE(m.knows(peer));
}
