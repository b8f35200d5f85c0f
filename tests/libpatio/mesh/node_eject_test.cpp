// A node ejects peers that fail several calls in a row.
#include <patio/mesh/node.hpp>

#include "protocol/played_peer.hpp"

using patio::errc;
using patio::fail;
using patio::value;

namespace {

const patio::result<value> refuses = fail(errc::overloaded, "no more");

/// Two peers that serve "f" in turn. The second peer always answers.
struct two_peers : played_mesh {
  played_peer &bad, &good;
  explicit two_peers(const patio::protocol::extensions& of_bad = patio::protocol::all_extensions,
                     patio::mesh::node_options options = {})
      : played_mesh{with_turns(std::move(options))}, bad{meet({"f"}, of_bad)}, good{meet({"f"})} {
    good.answers = value{2};
  }
  static patio::mesh::node_options with_turns(patio::mesh::node_options o) {
    o.route = patio::routing::round_robin;
    return o;
  }
  /// Returns how many of ten calls reach `bad`: five unless it is ejected.
  std::size_t share_of_bad() {
    bad.answers = value{1};
    return share_of(bad, 10);
  }
  /// Makes calls to `bad` only and gives each the same answer.
  void fails(int times, const patio::result<value>& r) {
    bad.answers = r;
    for (int i = 0; i < times; ++i) call("f", {}, bad.id);
  }
  /// Returns the time until `bad` gets a call again. `bad` refuses the call.
  std::chrono::nanoseconds time_until_tried() {
    bad.answers = refuses;
    auto begin = now;
    while (share_of(bad, 2) == 0) {
      REQUIRE(now - begin < 1min);
      pass(10ms);
    }
    return now - begin;
  }
};

} // namespace

TEST_CASE(
  "node: a peer that refuses three calls in a row is ejected while another peer serves the name") {
  two_peers m;
  m.fails(2, refuses);
  CHECK(m.share_of_bad() == 5);
  m.fails(3, refuses);
  CHECK(m.share_of_bad() == 0);
}

TEST_CASE(
  "node: three timeouts in a row eject a peer, whether the caller or the peer reports them") {
  two_peers m;
  for (int i = 0; i < 3; ++i) m.call("f", 1, m.bad.id);
  m.pass(1s - 1ns);
  CHECK(m.share_of(m.good, 4) == 2);
  m.pass(1ns);
  CHECK(m.share_of_bad() == 0);
  two_peers by_itself;
  by_itself.fails(3, fail(errc::timeout, "too slow"));
  CHECK(by_itself.share_of_bad() == 0);
  two_peers as_python{{}};
  as_python.fails(3, fail(errc::timeout, "too slow"));
  CHECK(as_python.share_of_bad() == 0);
}

TEST_CASE("node: an error that is not a sign of overload does not eject a peer") {
  auto raised = [](const char* type) {
    return tl::unexpected(patio::remote_error(value::exception(type, {"bad"})));
  };
  for (const patio::result<value>& r :
       {patio::result<value>{value{}}, patio::result<value>{raised("builtins.ValueError")},
        patio::result<value>{raised("builtins.MemoryError")},
        patio::result<value>{fail(errc::no_route, "f")},
        patio::result<value>{fail(errc::undecodable, "x")}}) {
    two_peers m;
    m.fails(10, r);
    CHECK(m.share_of_bad() == 5);
  }
  two_peers cancelled;
  for (std::uint64_t token = 100; token < 110; ++token) {
    auto id = cancelled.node.call(token, calling("f"), cancelled.now, cancelled.bad.id);
    cancelled.settle();
    cancelled.node.cancel(id);
  }
  CHECK(cancelled.share_of_bad() == 5);
}

TEST_CASE("node: a success or an exception resets the failure count, and a cancelled call leaves "
          "it unchanged") {
  two_peers m;
  for (const patio::result<value>& between :
       {patio::result<value>{value{1}}, patio::result<value>{tl::unexpected(patio::remote_error(
                                          value::exception("builtins.KeyError", {})))}}) {
    m.fails(2, refuses);
    m.fails(1, between);
    m.fails(2, refuses);
    CHECK(m.share_of_bad() == 5);
  }
  m.fails(2, refuses);
  m.bad.answers.reset();
  m.node.cancel(m.node.call(900, calling("f"), m.now, m.bad.id));
  m.fails(1, refuses);
  CHECK(m.share_of_bad() == 0);
}

TEST_CASE(
  "node: failures are counted per peer, and the number that ejects a peer is configurable") {
  two_peers m{patio::protocol::all_extensions, {.limits = {.failures_to_eject = 5}}};
  auto& third = m.meet({"f"});
  third.answers = refuses;
  for (int i = 0; i < 4; ++i) m.call("f", {}, third.id);
  m.fails(4, refuses);
  m.bad.answers = value{1};
  CHECK(m.share_of(third, 3) == 1); // the fifth call of `third`
  CHECK(m.share_of(third, 4) == 0);
  CHECK(m.share_of(m.bad, 4) == 2);
}

TEST_CASE(
  "node: an ejected peer is still used if it serves a name alone or if all peers are ejected") {
  played_mesh m{{.route = patio::routing::round_robin}};
  auto &first = m.meet({"f", "g"}), &second = m.meet({"f"});
  for (auto* peer : {&first, &second}) {
    peer->answers = refuses;
    for (int i = 0; i < 3; ++i) m.call("f", {}, peer->id);
  }
  CHECK(m.share_of(first, 10) == 5);
  CHECK(m.share_of(first, 10, "g") == 10);
  played_mesh alone;
  auto& only = alone.meet({"f"});
  only.answers = refuses;
  CHECK(alone.share_of(only, 10) == 10);
}

TEST_CASE("node: an ejected peer can still be called by its connection number") {
  two_peers m;
  m.fails(3, refuses);
  m.fails(2, refuses);
  CHECK(m.bad.requested == 5);
}

TEST_CASE("node: an ejected peer is tried again after one to two seconds") {
  two_peers m;
  m.fails(3, refuses);
  auto wait = m.time_until_tried();
  CHECK(wait >= 500ms);
  CHECK(wait <= 2s);
}

TEST_CASE(
  "node: each new failure lengthens the ejection up to half a minute, and a success resets it") {
  two_peers m;
  m.fails(3, refuses);
  auto last = m.time_until_tried(); // this call fails again
  for (int i = 0; i < 3; ++i) {
    auto next = m.time_until_tried();
    CHECK(next >= last);
    last = next;
  }
  CHECK(last >= 4s);
  for (int i = 0; i < 5; ++i) CHECK(m.time_until_tried() <= 30s + 10ms);
  CHECK(m.time_until_tried() >= 15s);
  m.pass(30s);
  CHECK(m.share_of_bad() == 5);
  m.fails(3, refuses);
  CHECK(m.time_until_tried() <= 2s);
}

TEST_CASE("node: the success of a call in flight readmits a peer at once") {
  two_peers m;
  m.bad.answers.reset();
  auto under_way = m.call("f", {}, m.bad.id);
  m.fails(3, refuses);
  CHECK(m.share_of(m.bad, 4) == 0);
  m.bad.answer_next(value{1}, m.now);
  CHECK(m.owner.fate(under_way) == "1");
  CHECK(m.share_of_bad() == 5);
}

TEST_CASE("node: a success does not readmit a peer that misses its probes") {
  two_peers m{{}};
  m.bad.answers.reset();
  for (int i = 0; i < 2; ++i) m.call("f", {}, m.bad.id);
  m.fails(3, refuses);
  m.bad.silent = true;
  m.pass(20s);
  m.bad.answer_next(value{1}, m.now);
  m.bad.silent = false;
  CHECK(m.share_of_bad() == 0);
}

TEST_CASE("node: a call that the calling node refuses does not count as a failure of the peer") {
  two_peers m{patio::protocol::all_extensions, {.limits = {.outbound_calls = 1}}};
  m.bad.answers.reset();
  auto under_way = m.call("f", {}, m.bad.id);
  for (int i = 0; i < 10; ++i) m.call("f", {}, m.bad.id);
  CHECK(m.owner.code(m.last_token) == "overloaded");
  m.bad.answer_next(value{1}, m.now);
  CHECK(m.owner.fate(under_way) == "1");
  CHECK(m.share_of_bad() == 5);
}

TEST_CASE("node: a peer that failed calls and missed a probe is tried again once it answers") {
  two_peers m;
  m.pass(5s);
  SUBCASE("the peer first misses a probe") {
    m.bad.silent = true;
    m.pass(15s); // probed at 10 s, missed at 20 s
    for (int i = 0; i < 3; ++i) m.call("f", 1, m.bad.id);
    m.pass(1s);
  }
  SUBCASE("the peer first fails calls") {
    m.pass(14s);
    m.bad.silent = true;
    m.pass(10'900ms); // probed at 20 s
    for (int i = 0; i < 3; ++i) m.call("f", 0.05, m.bad.id);
    m.pass(5s); // the ejection ends while a probe is missed
  }
  CHECK(m.share_of(m.bad, 4) == 0);
  m.bad.silent = false;
  m.bad.answers = value{1};
  m.bad.answer_asked(m.now);
  m.pass(1min);
  CHECK(m.share_of_bad() == 5);
}

TEST_CASE("node: the end of an earlier ejection does not shorten a later ejection") {
  two_peers same; // draws the same random waits
  same.fails(3, refuses);
  auto first = same.time_until_tried();
  two_peers m;
  m.fails(3, refuses);
  m.pass(first - 50ms);
  m.fails(1, value{1}); // readmitted early
  m.fails(3, refuses);
  CHECK(m.time_until_tried() >= 500ms);
}

TEST_CASE("node: the first ejection lasts at least one second and at most two seconds") {
  for (int others = 0; others < 20; ++others) { // each connection draws its own duration
    two_peers m;
    for (int i = 0; i < others; ++i) m.meet({});
    auto& bad = m.meet({"f"});
    bad.answers = refuses;
    for (int i = 0; i < 3; ++i) m.call("f", {}, bad.id);
    m.bad.answers = value{1};
    m.pass(1s - 1ns);
    CHECK(m.share_of(bad, 3) == 0);
    m.pass(1s + 1ns);
    CHECK(m.share_of(bad, 3) == 1);
  }
}

TEST_CASE("node: an exception of a function, even TimeoutError, does not count as a failure of a "
          "C++ peer") {
  two_peers m;
  m.fails(10, tl::unexpected(patio::remote_error(
                value::exception("builtins.TimeoutError", {"the database is slow"}))));
  CHECK(m.share_of_bad() == 5);
}
