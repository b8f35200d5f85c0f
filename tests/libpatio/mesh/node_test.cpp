#include <patio/mesh/node.hpp>

#include "mesh/node_fixture.hpp"
#include "protocol/session_fixture.hpp"

using patio::errc;
using patio::value;

namespace {

using fates = std::vector<std::string>;

} // namespace

TEST_CASE("node: two connected nodes know each other's names") {
  two_nodes m;
  REQUIRE(m.caller.met.size() == 1);
  REQUIRE(m.server.met.size() == 1);
  CHECK(m.caller.met[0].names == fates{"echo", "fail", "mul", "slow"});
  CHECK(m.caller.met[0].side == patio::role::client);
  CHECK(m.caller.met[0].address == "node1:15383");
  CHECK(m.server.met[0].names.empty());
  CHECK(m.server.node.peers().size() == 1);
}

TEST_CASE("node: a call returns the result or the exception of the function") {
  two_nodes m;
  m.caller.node.call(1, calling("mul", {6, 7}), m.now);
  m.caller.node.call(2, calling("echo", {"quick"}), m.now);
  m.caller.node.call(3, calling("fail", {"bad"}), m.now);
  m.caller.node.call(4, calling("mul", {1}), m.now);
  CHECK(m.caller.node.tables().calls == 4);
  m.settle();
  CHECK(m.caller.fate(1) == "42");
  CHECK(m.caller.fate(2) == "'quick'");
  CHECK(m.caller.fate(3) == "remote_error: ValueError: bad");
  CHECK(m.caller.fate(4)
        == "remote_error: TypeError: mul() missing 1 required positional argument: 'arg2'");
  CHECK(m.caller.node.tables().calls == 0);
}

TEST_CASE("node: calls go both ways, and a running call can call back") {
  mesh m;
  patio::registry a;
  a.add("half", [](int n) { return n / 2; });
  auto& left = m.add(std::move(a));
  auto& right = m.add(some_functions());
  m.connect(0, 1);
  m.settle();
  right.hold = true;
  left.node.call(1, calling("slow", {10}), m.now);
  m.settle();
  REQUIRE(right.held.size() == 1);
  right.node.call(2, calling("half", {right.held[0].args.positional[0]}), m.now);
  right.when_ended = [&](std::uint64_t token) {
    auto w = std::move(right.held.front());
    right.held.pop_front();
    right.node.answer(w.id, right.ended[token][0]);
  };
  m.settle();
  CHECK(right.fate(2) == "5");
  CHECK(left.fate(1) == "5");
}

TEST_CASE("node: calls that nest fifty deep between two nodes all return") {
  mesh m;
  for (int i = 0; i < 2; ++i) {
    patio::registry r;
    r.add("down", [](int n) { return n; });
    m.add(std::move(r)).hold = true;
  }
  m.connect(0, 1);
  m.settle();
  m.nodes[0]->node.call(50, calling("down", {50}), m.now);
  for (int depth = 50; depth > 1; --depth) {
    m.settle();
    auto& at = *m.nodes[static_cast<std::size_t>(depth) % 2 == 0 ? 1 : 0];
    REQUIRE(at.held.size() == static_cast<std::size_t>((52 - depth) / 2));
    at.node.call(static_cast<std::uint64_t>(depth - 1), calling("down", {depth - 1}), m.now);
  }
  m.settle();
  // The innermost call is answered. Each result becomes the answer to the enclosing call.
  for (auto& n : m.nodes)
    n->when_ended = [at = n.get()](std::uint64_t) {
      if (at->held.empty()) return;
      auto w = std::move(at->held.back());
      at->held.pop_back();
      at->node.answer(w.id, value{w.args.positional[0]});
    };
  auto& last = *m.nodes[0];
  auto w = std::move(last.held.back());
  last.held.pop_back();
  last.node.answer(w.id, value{"bottom"});
  m.settle();
  CHECK(m.nodes[1]->fate(1) == "'bottom'");
  CHECK(m.nodes[0]->fate(50) == "50");
  for (auto& n : m.nodes) CHECK(n->node.tables().calls == 0);
}

TEST_CASE(
  "node: an unknown function is no_route between C++ nodes and KeyError with a Python-like peer") {
  auto fate = [](const patio::protocol::extensions& of_caller,
                 const patio::protocol::extensions& of_server) {
    two_nodes m{{.extensions = of_caller}, {.extensions = of_server}};
    // The test plays a list that announces a function the server does not have.
    REQUIRE(m.caller.node.ask(m.wire.at_a, 9, patio::mesh::ping{}));
    auto serial = frames_of(m.caller.node.output(m.wire.at_a)).at(0).serial;
    m.caller.node.output(m.wire.at_a).clear();
    m.caller.node.receive(
      m.wire.at_a,
      framed(patio::protocol::packet::discover_response, serial, pickled(value::list({"nope"}))),
      m.now);
    m.caller.node.call(1, calling("nope"), m.now);
    m.settle();
    CHECK(m.server.logged == fates{"node0:1: unknown function 'nope'"});
    return m.caller.fate(1);
  };
  const auto &all = patio::protocol::all_extensions, none = patio::protocol::extensions{};
  CHECK(fate(all, all) == "no_route: peer node1:15383: nope");
  for (auto [of_caller, of_server] : {std::pair{all, none}, {none, all}, {none, none}})
    CHECK(fate(of_caller, of_server) == "remote_error: KeyError: 'nope'");
}

TEST_CASE("node: an unknown function is logged without its control characters") {
  two_nodes m;
  m.server.node.call(1, calling("nope"), m.now, m.wire.at_b);
  CHECK(m.server.code(1) == "no_route");
  // A peer that calls an unannounced function:
  mesh other;
  patio::registry liar;
  liar.add("evil\nname", [] {});
  auto& a = other.add(std::move(liar));
  auto& b = other.add(some_functions());
  other.connect(0, 1);
  other.settle();
  std::string payload;
  REQUIRE(patio::write_call_request(calling("a\nb"), payload));
  std::string bytes;
  patio::protocol::frame_writer w{bytes, patio::protocol::packet::request, 9};
  bytes += payload;
  REQUIRE(w.close(payload.size()));
  b.node.receive(other.links[0]->at_b, bytes, other.now);
  REQUIRE(b.logged.size() == 1);
  CHECK(b.logged[0] == "node0:1: unknown function 'a\\nb'");
  b.node.call(1, calling("evil\nname"), other.now);
  other.settle();
  CHECK(b.fate(1) == "None");
  CHECK(a.logged.empty());
}

TEST_CASE("node: both sides refuse invalid timeouts") {
  two_nodes m;
  m.caller.node.call(1, calling("mul", {1, 2}, std::nan("")), m.now);
  m.caller.node.call(2, calling("mul", {1, 2}, "soon"), m.now);
  CHECK(m.caller.fate(1) == "invalid: timeout must be a number of seconds, not NaN");
  CHECK(m.caller.fate(2) == "invalid: timeout must be a number of seconds or None, not str");
  // A peer gets the exception that Python would raise (F10):
  lines answers;
  for (const auto& timeout : {value{std::nan("")}, value{"1"}, value{-1}, value{0}, value{true},
                              value{1e308}, value{HUGE_VAL}}) {
    m.server.node.receive(
      m.wire.at_b,
      framed(patio::protocol::packet::request, 77, pickled_call("mul", {1, 2}, timeout)), m.now);
    auto& out = m.server.node.output(m.wire.at_b);
    answers.push_back(shown(out).at(0));
    out.clear();
  }
  CHECK(answers
        == lines{"ERROR 77 ValueError('timeout must be a number of seconds, not NaN')",
                 "ERROR 77 TypeError('timeout must be a number of seconds or None, not str')",
                 "ERROR 77 TimeoutError('the call arrived with no time left')",
                 "ERROR 77 TimeoutError('the call arrived with no time left')", "RESPONSE 77 2",
                 "RESPONSE 77 2", "RESPONSE 77 2"});
}

TEST_CASE("node: cancelling ends a call once, whatever the state of the call") {
  two_nodes m;
  m.server.hold = true;
  auto sent = m.caller.node.call(1, calling("slow", {1}), m.now);
  auto waiting = m.caller.node.call(2, calling("unknown"), m.now);
  m.settle();
  m.caller.node.cancel(sent);
  m.caller.node.cancel(waiting);
  CHECK(m.caller.fate(1) == "cancelled: peer node1:15383");
  CHECK(m.caller.fate(2) == "cancelled: ");
  m.caller.node.cancel(sent);
  m.caller.node.cancel({});
  m.caller.node.cancel({1'000'000, 1});
  // A new call reuses the slot, and the old number does not identify the new call.
  m.caller.node.call(3, calling("slow", {3}), m.now);
  m.caller.node.call(4, calling("slow", {4}), m.now);
  m.caller.node.cancel(sent);
  m.caller.node.cancel(waiting);
  m.settle();
  for (auto& w : std::exchange(m.server.held, {})) m.server.run(std::move(w));
  m.settle();
  CHECK(m.caller.fate(1).starts_with("cancelled"));
  CHECK(m.caller.fate(3) == "3");
  CHECK(m.caller.fate(4) == "4");
  CHECK(m.caller.node.tables().calls == 0);
}

TEST_CASE("node: a ping gets its answer or ends with its connection") {
  two_nodes m;
  CHECK(m.caller.node.ask(m.wire.at_a, 5, patio::mesh::ping{}));
  m.settle();
  CHECK(m.caller.answers.pongs == std::vector<std::uint64_t>{5});
  m.wire.to_b.stopped = true;
  CHECK(m.caller.node.ask(m.wire.at_a, 6, patio::mesh::ping{}));
  m.settle();
  m.cut(m.wire);
  CHECK(m.caller.code(6) == "maybe_executed");
  CHECK(m.caller.answers.pongs.size() == 1);
  CHECK_FALSE(m.caller.node.ask(m.wire.at_a, 7, patio::mesh::ping{}));
  CHECK_FALSE(m.caller.node.ask(12'345, 8, patio::mesh::ping{}));
}

TEST_CASE("node: a key that cannot be used for a login is refused at once (A10)") {
  mesh m;
  CHECK_THROWS_WITH_AS(m.add(patio::registry{}, {.key = std::string(33, 'k')}),
                       "a key has at most 32 bytes, not 33", std::invalid_argument);
}

TEST_CASE("node: raising the frame limit is enough for larger arguments and results") {
  patio::mesh::node_options large{.limits = {.frame_bytes = std::size_t{40} << 20}};
  two_nodes m{large, large};
  auto bytes = value::bytes(std::string(std::size_t{20} << 20, 'x'));
  m.caller.node.call(1, calling("echo", {bytes}), m.now);
  std::swap(m.caller.node.output(m.wire.at_a), m.wire.to_b.bytes);
  m.server.node.receive(m.wire.at_b, std::exchange(m.wire.to_b.bytes, {}), m.now);
  m.caller.node.receive(m.wire.at_a, m.server.node.output(m.wire.at_b), m.now);
  REQUIRE(m.caller.ended[1].size() == 1);
  REQUIRE(m.caller.ended[1][0]);
  CHECK(*m.caller.ended[1][0] == bytes);
}

TEST_CASE("node: a node locks its registry") {
  auto functions = some_functions();
  mesh m;
  m.add(functions);
  CHECK(functions.is_locked());
}
