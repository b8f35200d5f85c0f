/// A node in virtual time, and peers whose frames the test decides: their names, and their answers.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mesh/node_fixture.hpp"
#include "protocol/session_fixture.hpp"

/// The client end of a connection to a node. The node accepts it as a client that has dialled.
class played_peer {
public:
  std::vector<std::string> names;
  bool silent = false; ///< answers nothing: keeps requests in `requests`, and serials of
                       ///< DISCOVER_REQUESTs in `asked`
  /// The answer to every request. Without an answer, requests are kept in `requests`.
  std::optional<patio::result<patio::value>> answers;
  std::deque<raw_frame> requests;
  std::deque<std::uint32_t> asked;           ///< serials of unanswered DISCOVER_REQUESTs
  std::size_t requested = 0, discovered = 0; ///< REQUESTs and DISCOVER_REQUESTs received so far
  std::vector<raw_frame> others;             ///< CANCEL, LEAVING, LEAVING_OK and CREDIT_USED
  struct {
    std::uint64_t credit = 1'000'000;
    patio::protocol::queue_map queues = {};
  } terms;                   ///< told after the first discovery
  std::uint64_t granted = 0; ///< the node's credit for queue 0

  const patio::connection_id id;

  played_peer(driven_node& to, std::vector<std::string> serves,
              const patio::protocol::extensions& announced, patio::instant now)
      : names{std::move(serves)}, id{to.open(patio::role::server, "played:1", test_token, now)},
        to_{to}, announced_{announced} {}

  void log_in(patio::instant now) {
    send(patio::protocol::packet::auth_request,
         patio::protocol::login_answer(patio::protocol::login_challenge(test_token), "", test_salt),
         now);
  }
  void discover(patio::instant now) {
    send(patio::protocol::packet::discover_request, patio::protocol::announcement(announced_), now);
    grant_after(1, now);
  }

  void send(patio::protocol::packet type, std::string_view payload, patio::instant now,
            std::optional<std::uint32_t> serial = {}) {
    to_.receive(id, framed(type, serial ? *serial : ++serial_, payload), now);
  }
  /// Takes the node's output and sends the automatic answers. Returns false if there was no output.
  bool play(patio::instant now) {
    auto bytes = to_.take_output(id);
    if (bytes.empty()) return false;
    for (auto& f : frames_of(bytes)) take(std::move(f), now);
    return true;
  }
  void answer(const raw_frame& request, const patio::result<patio::value>& r, patio::instant now) {
    auto payload = pickled(r                    ? *r
                           : announced_.endings ? patio::protocol::to_noted_exception(r.error())
                                                : patio::to_exception(r.error()));
    send(r ? patio::protocol::packet::response : patio::protocol::packet::error, payload, now,
         request.serial);
  }
  /// Answers the oldest request in `requests`.
  void answer_next(const patio::result<patio::value>& r, patio::instant now) {
    REQUIRE_FALSE(requests.empty());
    auto request = std::move(requests.front());
    requests.pop_front();
    answer(request, r, now);
  }
  void answer_asked(patio::instant now) {
    for (auto serial : std::exchange(asked, {})) tell_names(serial, now);
  }

private:
  void note_credit(std::string_view payload) {
    auto credit = patio::protocol::read_queue_total(payload).value();
    if (credit.queue == 0) granted = credit.total;
  }
  void take(raw_frame f, patio::instant now) {
    switch (f.type) {
    case patio::protocol::packet::discover_request:
      ++discovered;
      return silent ? asked.push_back(f.serial) : tell_names(f.serial, now);
    case patio::protocol::packet::request:
      ++requested;
      return answers && !silent ? answer(f, *answers, now) : requests.push_back(std::move(f));
    case patio::protocol::packet::cancel:
    case patio::protocol::packet::leaving:
    case patio::protocol::packet::leaving_ok:
    case patio::protocol::packet::credit_used: return others.push_back(std::move(f));
    case patio::protocol::packet::credit: return note_credit(f.payload);
    default: return;
    }
  }
  void tell_names(std::uint32_t serial, patio::instant now) {
    std::vector<patio::value> all{names.begin(), names.end()};
    send(patio::protocol::packet::discover_response, pickled(patio::value::list(std::move(all))),
         now, serial);
    grant_after(2, now);
  }
  // A node accepts credit after both halves of the discovery.
  void grant_after(int half, patio::instant now) {
    if (!announced_.credit || halves_ == 3) return;
    halves_ |= half;
    if (halves_ != 3) return;
    send(patio::protocol::packet::queues, patio::protocol::write_queues(terms.queues), now);
    send(patio::protocol::packet::credit, patio::protocol::write_queue_total({0, terms.credit}),
         now);
  }

  driven_node& to_;
  patio::protocol::extensions announced_;
  std::uint32_t serial_ = 0;
  int halves_ = 0; ///< bits
};

/// A node and its played peers.
struct played_mesh {
  patio::instant now = 1'000s;
  test_node owner;
  driven_node& node;
  std::vector<std::unique_ptr<played_peer>> peers;

  explicit played_mesh(patio::mesh::node_options options = {},
                       patio::registry functions = patio::registry{})
      : owner{std::move(options), std::move(functions)}, node{owner.node} {}

  /// Adds a peer that has logged in and run discovery.
  played_peer&
  meet(std::vector<std::string> names,
       const patio::protocol::extensions& announced = patio::protocol::all_extensions) {
    peers.push_back(std::make_unique<played_peer>(node, std::move(names), announced, now));
    auto& peer = *peers.back();
    peer.log_in(now);
    peer.discover(now);
    settle();
    return peer;
  }
  void settle() {
    for (bool moved = true; moved;) {
      moved = false;
      for (auto& p : peers) moved = p->play(now) || moved;
    }
  }
  /// Advances time from deadline to deadline.
  void pass(std::chrono::nanoseconds time) {
    auto until = now + time;
    settle();
    for (auto next = node.next_deadline(); next <= until; next = node.next_deadline()) {
      now = std::max(now, next);
      node.tick(now);
      settle();
    }
    now = until;
  }
  /// Makes a call and returns its token. owner.fate(token) tells how the call ended.
  std::uint64_t call(const std::string& name, patio::value timeout = {},
                     std::optional<patio::connection_id> only = {}) {
    node.call(++last_token, calling(name, {}, std::move(timeout)), now, only);
    settle();
    return last_token;
  }
  [[nodiscard]] bool knows(const played_peer& peer) const {
    auto all = node.peers();
    return std::any_of(all.begin(), all.end(),
                       [&](const patio::peer_info& p) { return p.id == peer.id; });
  }
  /// Makes `calls` calls and returns how many of them reach the peer.
  [[nodiscard]] std::size_t share_of(const played_peer& peer, int calls,
                                     const std::string& name = "f") {
    auto before = peer.requested;
    for (int i = 0; i < calls; ++i) call(name);
    return peer.requested - before;
  }

  std::uint64_t last_token = 0;
};
