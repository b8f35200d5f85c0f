/// Runs nodes in one process with in-memory links and virtual time, and records how every call
/// ended.
#pragma once

#include <doctest/doctest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <patio/value/repr.hpp>

#include "mesh/driven_node.hpp"
#include "protocol/wire_judge.hpp"
#include "seed.hpp"

using namespace std::chrono_literals;

/// Options of a node that announces no extensions and so looks like a Python peer.
inline const patio::mesh::node_options like_python{.extensions = {}};

/// A node and its owner. The owner runs functions at once unless `hold` is set.
class test_node final {
public:
  test_node(patio::mesh::node_options options, patio::registry functions)
      : node{std::move(options), std::move(functions),
             [this](patio::mesh::node_event&& event) { handle(std::move(event)); }} {}

  using work = patio::mesh::inbound_call;

  bool hold = false;   ///< keeps work in `held` instead of running it
  bool queues = false; ///< held work waits in a queue; otherwise it has begun
  std::deque<work> held;
  bool hold_undecoded = false; ///< keeps payloads undecoded
  std::deque<std::pair<patio::connection_id, std::unique_ptr<patio::protocol::decode_job>>>
    undecoded;
  /// By token: the results, of which there must be one.
  std::map<std::uint64_t, std::vector<patio::result<patio::value>>> ended;
  struct {
    std::vector<std::uint64_t> pongs;
    std::vector<std::pair<std::uint64_t, patio::value>> descriptions;
  } answers; ///< to questions, by token
  std::vector<patio::peer_info> met;
  std::vector<patio::error> closings;
  std::map<patio::connection_id, std::string> last_bytes; ///< of closed connections
  std::vector<std::string> logged;
  std::function<void(std::uint64_t)> when_ended;
  std::function<void(const patio::peer_info&)> when_met;
  std::function<void(patio::connection_id)> when_closed; ///< set by the mesh

  driven_node node;

  void run(work w) {
    auto& f = std::get<patio::immediate_function>(w.entry->run);
    node.answer(w.id, f(std::move(w.args)));
  }
  void decode_next(patio::instant now) {
    auto [id, job] = std::move(undecoded.front());
    undecoded.pop_front();
    job->run();
    node.decoded(id, *job, now);
  }
  /// Returns how a call ended: its result, the error's code and text, "pending" or "ended twice".
  [[nodiscard]] std::string fate(std::uint64_t token) const {
    auto at = ended.find(token);
    if (at == ended.end()) return "pending";
    if (at->second.size() != 1) return "ended twice";
    const auto& r = at->second.front();
    return r ? patio::brief(*r)
             : std::string{to_string(r.error().code)} + ": " + text_of(r.error())
                 + (r.error().exception.is_none() ? "" : to_string(r.error()));
  }
  /// Returns the first word of the fate.
  [[nodiscard]] std::string code(std::uint64_t token) const {
    return fate(token).substr(0, fate(token).find(':'));
  }

private:
  void handle(patio::mesh::node_event&& event) {
    std::visit(
      overloaded{
        [this](patio::mesh::execute_call& e) {
          if (!queues) e.work.reservation->begin({});
          if (hold) held.push_back(std::move(e.work));
          else run(std::move(e.work));
        },
        [this](patio::mesh::call_finished& e) {
          ended[e.token].push_back(std::move(e.outcome));
          if (when_ended) when_ended(e.token);
        },
        [this](patio::mesh::decode_payload& e) { undecoded.emplace_back(e.id, std::move(e.job)); },
        [this](patio::mesh::answer_received& e) {
          if (e.description) answers.descriptions.emplace_back(e.token, std::move(*e.description));
          else answers.pongs.push_back(e.token);
        },
        [this](patio::mesh::peer_ready& e) {
          met.push_back(e.peer);
          if (when_met) when_met(e.peer);
        },
        [this](patio::mesh::connection_closed& e) {
          closings.push_back(e.why);
          last_bytes[e.id] = std::move(e.last_bytes);
          if (when_closed) when_closed(e.id);
        },
        [this](patio::mesh::log_line& e) { logged.push_back(e.peer + ": " + e.text); },
      },
      event);
  }
};

/// Nodes and the links between them. Bytes travel in pieces of random size. A test can stop one
/// direction of a link or cut the whole link.
class mesh {
public:
  explicit mesh(std::uint64_t seed = test_seed()) : random{seed} {}

  patio::instant now = 1'000s;
  std::mt19937_64 random;
  std::vector<std::unique_ptr<test_node>> nodes;

  struct direction {
    std::string bytes;         ///< in flight
    std::size_t unhandled = 0; ///< arrived behind a payload that is being decoded
    bool stopped = false;
  };
  struct link {
    std::size_t a, b; ///< node indexes; a has dialled b
    patio::connection_id at_a, at_b;
    direction to_a, to_b;
    std::uint64_t sent_by_a = 0, sent_by_b = 0;
    bool open = true;
    wire_judge judge{}; ///< sees all bytes of both ends
  };
  std::vector<std::unique_ptr<link>> links;

  test_node& add(patio::registry functions = patio::registry{},
                 patio::mesh::node_options options = {}) {
    nodes.push_back(std::make_unique<test_node>(std::move(options), std::move(functions)));
    nodes.back()->when_closed = [this, at = nodes.size() - 1](patio::connection_id id) {
      hung_up(at, id);
    };
    return *nodes.back();
  }

  link& connect(std::size_t a, std::size_t b) {
    auto at_b = nodes[b]->node.open(patio::role::server, "node" + std::to_string(a) + ":1",
                                    random_text(16), now);
    auto at_a = nodes[a]->node.open(patio::role::client, "node" + std::to_string(b) + ":15383",
                                    random_text(4), now);
    links.push_back(std::make_unique<link>(link{a, b, at_a, at_b, {}, {}}));
    return *links.back();
  }

  /// Cuts a link. The bytes in flight are lost, and both ends see the connection close.
  void cut(link& l) {
    if (!l.open) return;
    collect(l);
    l.open = false;
    l.to_a = l.to_b = {};
    patio::error why{patio::errc::maybe_executed, "cut", {}};
    nodes[l.a]->node.close(l.at_a, why, l.sent_by_a);
    nodes[l.b]->node.close(l.at_b, why, l.sent_by_b);
  }

  /// Delivers one random piece of one random link or decodes one payload. Returns false if nothing
  /// is in flight.
  bool step() {
    std::vector<std::pair<link*, bool>> ready;
    for (auto& l : links) {
      if (l->open) collect(*l);
      if (!l->to_a.bytes.empty() && !l->to_a.stopped) ready.emplace_back(l.get(), true);
      if (!l->to_b.bytes.empty() && !l->to_b.stopped) ready.emplace_back(l.get(), false);
    }
    std::vector<test_node*> decoding;
    for (auto& n : nodes)
      if (!n->undecoded.empty() && !n->hold_undecoded) decoding.push_back(n.get());
    if (ready.empty() && decoding.empty()) return false;
    auto which = random() % (ready.size() + decoding.size());
    if (which >= ready.size()) {
      decoding[which - ready.size()]->decode_next(now);
      for (auto& l : links) note_handled(*l);
      return true;
    }
    auto [l, to_a] = ready[which];
    auto& bytes = to_a ? l->to_a.bytes : l->to_b.bytes;
    auto n =
      std::min<std::size_t>(bytes.size(), 1 + (random() % 4 == 0 ? random() % 5 : random() % 2000));
    auto piece = bytes.substr(0, n);
    bytes.erase(0, n);
    auto& to = nodes[to_a ? l->a : l->b]->node;
    auto id = to_a ? l->at_a : l->at_b;
    (to_a ? l->to_a : l->to_b).unhandled += n;
    l->judge.reached(to_a, n);
    to.receive(id, piece, now);
    note_handled(*l);
    return true;
  }
  void settle() {
    while (step()) {}
  }

  /// Advances time from deadline to deadline and delivers all bytes in between.
  void pass(std::chrono::nanoseconds time) {
    auto until = now + time;
    settle();
    for (auto next = next_deadline(); next <= until; next = next_deadline()) {
      now = std::max(now, next);
      for (auto& n : nodes) n->node.tick(now);
      settle();
    }
    now = until;
  }
  [[nodiscard]] patio::instant next_deadline() const {
    auto next = patio::never;
    for (const auto& n : nodes) next = std::min(next, n->node.next_deadline());
    return next;
  }

  [[nodiscard]] std::string random_text(std::size_t n) {
    std::string text(n, '\0');
    for (auto& c : text) c = static_cast<char>(random());
    return text;
  }

private:
  void collect(link& l) {
    take(l, true);
    take(l, false);
  }
  void note_handled(link& l) {
    if (!nodes[l.a]->node.is_decoding(l.at_a))
      l.judge.arrived(true, std::exchange(l.to_a.unhandled, 0));
    if (!nodes[l.b]->node.is_decoding(l.at_b))
      l.judge.arrived(false, std::exchange(l.to_b.unhandled, 0));
  }
  void take(link& l, bool from_a) {
    carry(l, from_a, nodes[from_a ? l.a : l.b]->node.take_output(from_a ? l.at_a : l.at_b));
  }
  static void carry(link& l, bool from_a, const std::string& bytes) {
    l.judge.carry(from_a, bytes);
    (from_a ? l.to_b : l.to_a).bytes += bytes;
    (from_a ? l.sent_by_a : l.sent_by_b) += bytes.size();
  }
  // After one end has closed, its last bytes still arrive before the other end sees the close.
  void hung_up(std::size_t at, patio::connection_id id) {
    for (auto& l : links) {
      bool is_a = l->a == at && l->at_a == id;
      if (!l->open || !(is_a || (l->b == at && l->at_b == id))) continue;
      carry(*l, is_a, nodes[at]->last_bytes[id]);
      l->open = false;
      (is_a ? l->to_a : l->to_b) = {};
      closing_.push_back(l.get());
    }
  }

public:
  /// Closes the other ends of closed links once their last bytes have arrived.
  void finish_closing() {
    settle();
    for (auto* l : std::exchange(closing_, {})) {
      patio::error why{patio::errc::maybe_executed, "the peer closed the connection", {}};
      nodes[l->a]->node.close(l->at_a, why, l->sent_by_a);
      nodes[l->b]->node.close(l->at_b, why, l->sent_by_b);
    }
  }

private:
  std::vector<link*> closing_;
};

[[nodiscard]] inline patio::call_request
calling(std::string name, std::vector<patio::value> args = {}, patio::value timeout = {}) {
  return {std::move(name), {std::move(args), {}}, std::move(timeout)};
}

/// Registers mul(a, b) and echo(x), and "slow", an echo that is not marked quick.
[[nodiscard]] inline patio::registry some_functions() {
  patio::registry r;
  r.add("mul", [](std::int64_t a, std::int64_t b) { return a * b; });
  r.add("echo", [](patio::value v) { return v; }, {.quick = true});
  r.add("slow", [](patio::value v) { return v; });
  r.add("fail", [](std::string text) -> int { throw patio::python_error{"ValueError", {text}}; });
  return r;
}

/// Connects a caller (node 0) to a node with functions (node 1).
struct two_nodes : mesh {
  test_node& caller;
  test_node& server;
  link& wire;
  explicit two_nodes(patio::mesh::node_options for_caller = {},
                     patio::mesh::node_options for_server = {})
      : caller{add(patio::registry{}, std::move(for_caller))},
        server{add(some_functions(), std::move(for_server))}, wire{connect(0, 1)} {
    settle();
  }
};
