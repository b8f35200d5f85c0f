// Runs calls, answers, cuts, cancellations, stalls, drains and shutdowns in random order and checks
// the invariants of each call.
#include <patio/mesh/node.hpp>

#include <set>

#include "mesh/node_fixture.hpp"

using patio::value;

namespace {

class random_mesh : public mesh {
public:
  explicit random_mesh(std::uint64_t seed) : mesh{seed} {
    auto count = 2 + draw(3);
    for (std::size_t i = 0; i < count; ++i) add(functions(), options()).hold = true;
  }

  void run(int operations) {
    for (int i = 0; i < operations; ++i) act();
    come_to_rest();
  }

  void check() {
    for (const auto& made : calls_) {
      const auto token = made.first;
      const auto& call = made.second;
      const auto& caller = *nodes[call.by];
      auto code = caller.code(token);
      auto runs = executed_.count(token);
      INFO("call " << token << " by node " << call.by << ": " << caller.fate(token) << ", ran "
                   << runs << " times");
      REQUIRE(code != "pending");
      REQUIRE(code != "ended twice");
      REQUIRE(runs <= 1);
      if (code == "not_sent" || code == "no_route" || code == "overloaded" || code == "shut_down")
        REQUIRE(runs == 0);
      if (caller.ended.at(token).front()) {
        REQUIRE(runs == 1);
        REQUIRE(*caller.ended.at(token).front() == value{static_cast<std::int64_t>(token)});
      }
    }
    std::size_t ended = 0;
    for (const auto& n : nodes) {
      ended += n->ended.size();
      auto left = n->node.tables();
      REQUIRE(left.connections + left.calls + left.waiting_names == 0);
    }
    CHECK(ended == calls_.size() + lost_pings());
    for (const auto& l : links)
      if (!misbehaved_.contains(l.get()))
        for (const auto& complaint : l->judge.complaints) FAIL_CHECK(complaint);
  }

  std::map<std::string, std::size_t> tally;

private:
  struct call_made {
    std::size_t by;
    patio::mesh::call_id id;
  };

  std::size_t draw(std::size_t below) { return random() % below; }
  bool chance(int percent) { return draw(100) < static_cast<std::size_t>(percent); }

  patio::registry functions() {
    patio::registry r;
    for (auto name : {"a", "b", "c", "d"})
      if (chance(60))
        r.add(name, [this](std::uint64_t token) { return ran(token); }, {.quick = chance(30)});
    return r;
  }
  std::uint64_t ran(std::uint64_t token) {
    executed_.insert(token);
    if (chance(5)) throw std::runtime_error{"unlucky"};
    if (chance(5)) throw patio::python_error{"StopIteration", {"caf\xe9"}};
    return token;
  }
  patio::mesh::node_options options() {
    patio::mesh::node_options o;
    o.route = chance(50) ? patio::routing::round_robin : patio::routing::least_loaded;
    o.limits.outbound_calls = chance(50) ? 5 : 1'000;
    o.limits.inbound_calls = chance(50) ? 3 : 1'000;
    o.limits.waiting_calls = chance(50) ? 20 : 1'000;
    o.limits.route_timeout = std::chrono::seconds{draw(6)};
    if (chance(50)) o.decode_apart = draw(80);
    if (chance(50)) o.executors[""] = {1 + draw(3), 1 + draw(8)};
    if (chance(60))
      o.extensions = chance(50) ? patio::protocol::extensions{}
                                : patio::protocol::extensions{chance(50), chance(50), chance(50),
                                                              chance(50), chance(50)};
    return o;
  }

  void act() {
    switch (draw(12)) {
    case 0: return connect_some();
    case 1:
      if (!links.empty() && chance(20)) cut(*links[draw(links.size())]);
      return;
    case 2: return cancel_some();
    case 3: return answer_some();
    case 4: return stall_some();
    case 5: return pass_some_time();
    case 6: return ping_some();
    case 7: return misbehave();
    case 8: return chance(50) ? finish_closing() : leave_some();
    case 9:
    case 10: return call_some();
    default:
      for (auto n = draw(20); n > 0; --n) step();
    }
  }

  void connect_some() {
    auto a = draw(nodes.size()), b = draw(nodes.size());
    if (a != b && links.size() < 12) connect(a, b);
  }
  void call_some() {
    auto by = draw(nodes.size());
    auto token = ++last_token_;
    value timeout = chance(30) ? value{} : value{static_cast<double>(draw(8'000)) / 1'000};
    std::optional<patio::connection_id> only;
    if (chance(20)) only = 1 + draw(6);
    calls_[token].by = by; // set first, since the call may end at once
    auto name = std::string(1, "abcdx"[draw(5)]);
    calls_[token].id = nodes[by]->node.call(token, calling(name, {token}, timeout), now, only);
  }
  void cancel_some() {
    if (calls_.empty()) return;
    auto at = std::next(calls_.begin(), static_cast<std::ptrdiff_t>(draw(calls_.size())));
    nodes[at->second.by]->node.cancel(at->second.id);
  }
  void answer_some() {
    auto& n = *nodes[draw(nodes.size())];
    if (n.held.empty()) return;
    auto at = n.held.begin() + static_cast<std::ptrdiff_t>(draw(n.held.size()));
    auto w = std::move(*at);
    n.held.erase(at);
    if (w.deadline <= now) return; // an executor does not start expired work
    n.run(std::move(w));
    if (chance(10)) n.node.answer(w.id, value{"once more"});
  }
  void stall_some() {
    if (links.empty()) return;
    auto& l = *links[draw(links.size())];
    (chance(50) ? l.to_a : l.to_b).stopped = chance(40);
  }
  void pass_some_time() {
    now += std::chrono::milliseconds{draw(1'000)};
    for (auto& n : nodes) n->node.tick(now);
  }
  void ping_some() {
    auto& n = *nodes[draw(nodes.size())];
    if (n.node.ask(1 + draw(6), 1'000'000 + pings_, patio::mesh::ping{})) ++pings_;
  }
  void misbehave() {
    if (links.empty() || !chance(10)) return;
    auto& l = *links[draw(links.size())];
    if (!l.open) return;
    misbehaved_.insert(&l);
    nodes[l.a]->node.receive(l.at_a, random_text(1 + draw(30)), now);
  }
  void leave_some() {
    if (!chance(5)) return;
    auto at = draw(nodes.size());
    nodes[at]->node.go_away();
    left_.insert(at);
  }

  void come_to_rest() {
    if (chance(30)) nodes[draw(nodes.size())]->node.shut_down({patio::errc::shut_down, "over", {}});
    for (auto& l : links) l->to_a.stopped = l->to_b.stopped = false;
    for (int round = 0; round < 50; ++round) {
      finish_closing();
      pass(1s);
      for (auto& n : nodes)
        for (auto& w : std::exchange(n->held, {})) n->run(std::move(w));
    }
    for (auto& n : nodes)
      for (const auto& [token, results] : n->ended) ++tally[n->code(token)];
    // A misbehaving peer may never answer a call. A call without a timeout then ends only with its
    // connection.
    if (misbehaved_.empty()) check_at_rest();
    for (auto& l : links) cut(*l);
    settle();
  }

  void check_at_rest() const {
    for (std::size_t at = 0; at < nodes.size(); ++at) {
      const auto& n = nodes[at];
      REQUIRE(n->node.tables().calls == 0);
      REQUIRE(n->node.is_drained() == left_.contains(at));
      for (const auto& peer : n->node.peers()) REQUIRE(peer.inbound + peer.outbound == 0);
    }
  }

  std::size_t lost_pings() const {
    std::size_t all = 0;
    for (const auto& n : nodes)
      for (const auto& [token, results] : n->ended)
        all += token >= 1'000'000 && token < 1'000'000 + pings_;
    return all;
  }

  std::map<std::uint64_t, call_made> calls_;
  std::multiset<std::uint64_t> executed_;
  std::uint64_t last_token_ = 0, pings_ = 0;
  std::set<const link*> misbehaved_;
  std::set<std::size_t> left_; ///< nodes
};

} // namespace

TEST_CASE(
  "node: in random meshes every call ends once, runs at most once, and leaves nothing behind") {
  auto seed = test_seed();
  std::map<std::string, std::size_t> tally;
  for (std::uint64_t round = 0; round < 150; ++round) {
    INFO("PATIO_TEST_SEED=" << seed + round);
    random_mesh m{seed + round};
    m.run(400);
    m.check();
    for (auto& [code, n] : m.tally) tally[code] += n;
  }
  // The test is meaningful only if each way to end occurred.
  for (auto code : {"timeout", "cancelled", "not_sent", "maybe_executed", "no_route", "overloaded",
                    "remote_error", "shut_down"}) {
    INFO(code << ", first PATIO_TEST_SEED=" << seed);
    CHECK(tally[code] > 0);
  }
}
