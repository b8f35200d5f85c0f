// A node, peers that the input plays, and sometimes a second node. The first byte of the input
// chooses the nodes' options. Commands follow, each a byte and its operands: frames or bytes of a
// peer, calls, answers, time, losses and closes. In the end every call has ended once, each REQUEST
// has been answered, and nothing is left behind.
#include "fuzz_mesh.hpp"

namespace {

using namespace std::chrono_literals;
using patio::value;
using patio::protocol::packet;

std::string pickled(const value& v) {
  std::string out;
  (void)patio::write_pickle(v, out);
  return out;
}

const std::string none = pickled({});

patio::mesh::node_options options_of(std::uint8_t how) {
  patio::mesh::node_options o;
  o.route = (how & 1) != 0 ? patio::routing::round_robin : patio::routing::least_loaded;
  if ((how & 2) != 0) o.extensions = {};
  if ((how & 16) != 0) o.decode_apart = 20;
  if ((how & 4) == 0) return o;
  auto& l = o.limits;
  l.frame_bytes = 300;
  l.skipped_frame_bytes = 1'000;
  l.names_per_peer = 3;
  l.name_bytes = 20;
  l.keywords_per_call = 1;
  l.inbound_calls = 2;
  l.inbound_bytes = 400;
  l.node_inbound_bytes = 600;
  l.outbound_calls = 2;
  l.waiting_bytes = 900;
  o.executors[""] = {1, 3};
  l.waiting_calls = 5;
  l.unknown_serials = 2;
  l.route_timeout = 1s;
  l.pickle.nodes = 60;
  return o;
}

class fuzz_mesh {
public:
  explicit fuzz_mesh(std::uint8_t how) : how_{how} { add_node(); }

  void run(fuzz_input& in) {
    for (int i = 0; i < most_commands && !in.empty(); ++i) {
      obey(in);
      settle();
    }
    come_to_rest();
    shut_down();
  }

private:
  static constexpr int most_commands = 60;
  static constexpr std::size_t most_wires = 6;

  void add_node() {
    nodes_.push_back(std::make_unique<fuzz_node>(options_of(how_)));
    nodes_.back()->calls_again = (how_ & 8) != 0;
  }
  fuzz_node& node(std::uint8_t which) { return *nodes_[which % nodes_.size()]; }
  played_wire* wire(std::uint8_t which) {
    return wires_.empty() ? nullptr : wires_[which % wires_.size()].get();
  }

  void obey(fuzz_input& in) {
    auto command = in.byte();
    auto* w = command % 16 >= 1 && command % 16 <= 7 ? wire(in.byte()) : nullptr;
    switch (command % 16) {
    case 0: return open(in.byte());
    case 1: return w ? log_in(*w) : void();
    case 2: return w ? discover(*w, in.byte()) : void();
    case 3: return w ? frame(*w, in) : void();
    case 4: return w ? w->send(in.text(in.byte()), now_) : void();
    case 5: return w ? answer_node(*w, in) : void();
    case 6: return w ? request(*w, in) : void();
    case 7: return w ? close(*w, in.byte()) : void();
    case 8: return pass(in.byte() * 50ms);
    case 9: return answer_held(in.byte(), in.byte());
    case 10: return cancel(in.byte(), in.byte());
    case 11: return leave_or_choke(in.byte());
    case 12: return ping_or_decode(in.byte());
    case 13: return link(in.byte());
    case 14: return carry(in.byte());
    default: return call(in.byte(), in.byte(), in.byte());
    }
  }

  void open(std::uint8_t how) {
    if (wires_.size() >= most_wires) return;
    auto& at = node(how >> 1);
    wires_.push_back(std::make_unique<played_wire>(
      at, how % 2 == 0 ? patio::role::server : patio::role::client, now_));
  }
  static std::string framed(packet type, std::uint32_t serial, std::string_view payload) {
    std::string out;
    patio::protocol::frame_writer w{out, type, serial};
    out += payload;
    (void)w.close(payload.size());
    return out;
  }
  void send(played_wire& w, packet type, std::uint32_t serial, std::string_view payload) {
    w.send(framed(type, serial, payload), now_);
  }

  void log_in(played_wire& w) {
    static const auto challenge = patio::protocol::login_challenge(nonce);
    if (w.side == patio::role::server) return send(w, packet::auth_request, 1, w.login);
    send(w, packet::auth_digest, 1, challenge);
    send(w, packet::auth_ok, 2, none);
  }
  // Bits 0 to 2 are the extensions and bits 3 to 5 the names. Bits 0 and 2 together are also the
  // extension `credit`. With bit 6 the peer sends no DISCOVER_REQUEST, with bit 7 no
  // DISCOVER_RESPONSE.
  void discover(played_wire& w, std::uint8_t how) {
    if ((how & 64) == 0)
      send(w, packet::discover_request, 3,
           patio::protocol::announcement(
             {(how & 1) != 0, (how & 2) != 0, (how & 4) != 0, (how & 5) == 5}));
    if ((how & 128) != 0) return;
    std::vector<value> names;
    for (unsigned i = 0; i < 3; ++i)
      if ((how >> 3 >> i) % 2 != 0) names.emplace_back(std::string(1, "abd"[i]));
    auto payload = pickled(value::list(names));
    for (auto serial : std::exchange(w.discoveries, {}))
      send(w, packet::discover_response, serial, payload);
  }
  void frame(played_wire& w, fuzz_input& in) {
    auto type = static_cast<packet>(in.byte());
    auto serial = in.byte();
    send(w, type, serial, in.text(in.byte()));
  }
  // Answers a request of the node with a payload from the input, with an exception, or with None.
  void answer_node(played_wire& w, fuzz_input& in) {
    auto which = in.byte(), raises = in.byte();
    auto payload = in.text(in.byte());
    if (w.requests.empty()) return w.give_credit(which, raises, now_);
    auto at = w.requests.begin() + which % static_cast<std::ptrdiff_t>(w.requests.size());
    auto serial = *at;
    if (raises < 128) w.requests.erase(at); // otherwise it may be answered again
    static const auto exception =
      pickled(value::exception("builtins.TimeoutError", {"late"}, {"patio: overloaded"}));
    bool error = raises % 2 != 0;
    send(w, error ? packet::error : packet::response, serial,
         !payload.empty() ? payload
         : error          ? exception
                          : none);
  }
  void request(played_wire& w, fuzz_input& in) {
    auto what = in.byte(), serial = in.byte(), seconds = in.byte();
    patio::call_request call{
      std::string(1, "abcd"[what % 4]), {{std::string(what / 4, 'x')}, {}}, {}};
    if (seconds > 0) call.timeout = seconds / 8.0;
    std::string payload;
    (void)patio::write_call_request(call, payload);
    send(w, packet::request, serial, payload);
  }
  void close(played_wire& w, std::uint8_t left) {
    if (!w.open) return;
    w.collect();
    w.at.node.close(w.id, {patio::errc::maybe_executed, "cut", {}},
                    w.sent - std::min<std::uint64_t>(w.sent, left));
  }

  void pass(std::chrono::nanoseconds time) {
    now_ += time;
    for (auto& n : nodes_) n->node.tick(now_);
  }
  void answer_held(std::uint8_t at, std::uint8_t how) {
    auto& n = node(at);
    if (n.held.empty()) return;
    auto work = n.held.begin() + how % static_cast<std::ptrdiff_t>(n.held.size());
    auto id = work->id;
    auto args = std::move(work->args.positional);
    n.held.erase(work);
    if (how < 128) n.node.answer(id, value::list(std::move(args)));
    else
      n.node.answer(id, tl::unexpected(patio::remote_error(
                          value::exception("mine.Error", std::move(args), {"caf\xe9"}))));
    if (how % 16 == 7) n.node.answer(id, value{"once more"});
  }
  void cancel(std::uint8_t at, std::uint8_t which) {
    auto& n = node(at);
    if (!n.calls.empty()) n.node.cancel(n.calls[which % n.calls.size()]);
  }
  void leave_or_choke(std::uint8_t how) {
    auto& n = node(how);
    if (how >= 250) return n.node.go_away();
    if (auto* w = wire(how / 4)) w->at.node.congested(w->id, how % 4 < 2);
  }
  // Half of the values decode a payload instead of sending a ping.
  void ping_or_decode(std::uint8_t which) {
    if (which >= 128) return node(which).decode(now_);
    if (auto* w = wire(which))
      (void)w->at.node.ask(w->id, fuzz_node::first_ping + which, patio::mesh::ping{});
  }
  void call(std::uint8_t at, std::uint8_t what, std::uint8_t seconds) {
    auto& n = node(at);
    if (n.calls.size() > 40) return;
    n.call(what, seconds, now_,
           at < 192 ? std::nullopt : std::optional<patio::connection_id>{1 + at / 2 % 6});
  }

  void link(std::uint8_t how) {
    if (nodes_.size() == 2) return;
    how_ = static_cast<std::uint8_t>(how_ ^ (how % 8));
    add_node();
    auto id = [&](std::size_t i, patio::role side, std::string_view own) {
      return nodes_[i]->node.open(side, "linked:1", std::string{own}, now_);
    };
    // The judge expects the first node to be the side that dialled.
    auto first = id(0, patio::role::client, salt), second = id(1, patio::role::server, nonce);
    link_ = std::make_unique<linked_wire>(
      linked_wire{{nodes_[0].get(), nodes_[1].get()}, {first, second}});
  }
  void carry(std::uint8_t how) {
    if (link_) (void)link_->carry(how % 2, how < 250 ? 1 + how / 2 : 100'000, now_);
  }

  // Collects the nodes' output and hangs up closed connections, until neither is left.
  void settle() {
    for (bool moved = true; moved;) {
      moved = false;
      for (auto& w : wires_) w->collect();
      if (link_) link_->collect();
      for (auto& n : nodes_)
        for (auto id : std::exchange(n->closing, {})) moved = true, hang_up(*n, id);
    }
    if (link_)
      for (auto i : {std::size_t{0}, std::size_t{1}}) note_runs(i);
  }
  void hang_up(const fuzz_node& at, patio::connection_id id) {
    for (auto& w : wires_)
      if (&w->at == &at && w->id == id)
        return require(std::exchange(w->open, false), "a connection closes once");
    if (!std::exchange(link_->open, false)) return;
    for (auto i : {std::size_t{0}, std::size_t{1}})
      link_->ends[i]->node.close(link_->ids[i], {patio::errc::maybe_executed, "closed", {}},
                                 link_->sent[i]);
  }
  void note_runs(std::size_t end) {
    for (auto& work : link_->ends[end]->held)
      if (work.id.from == link_->ids[end] && !work.args.positional.empty()) {
        auto token = std::exchange(work.args.positional[0], value{}).as_int64();
        require(link_->ran.emplace(end, *token).second, "a call runs at most once");
        work.args.positional.clear();
      }
  }

  // The longest timeout of a call is 8 s. Timeouts of requests may be longer, but all held requests
  // are answered here.
  void come_to_rest() {
    std::vector<std::size_t> made;
    for (const auto& n : nodes_) made.push_back(n->calls.size());
    for (int round = 0; round < 3; ++round) {
      decode_all();
      for (auto& n : nodes_)
        for (auto& work : std::exchange(n->held, {})) n->node.answer(work.id, value{true});
      pass(4s);
      settle();
      while (link_ && (link_->carry(0, 100'000, now_) || link_->carry(1, 100'000, now_)))
        settle(), decode_all();
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      require(nodes_[i]->over(made[i], true), "every call ends in time");
    for (const auto& n : nodes_)
      require(!n->node.is_drained() || n->node.tables().calls == 0,
              "a node that has left awaits nothing");
    for (const auto& w : wires_)
      if (is_ready(*w))
        for (const auto& [serial, n] : w->asked) require(n == 0, "each REQUEST has an answer");
  }
  void decode_all() {
    for (auto& n : nodes_)
      while (!n->undecoded.empty()) n->decode(now_);
  }
  static bool is_ready(const played_wire& w) {
    auto peers = w.at.node.peers();
    auto at = std::find_if(peers.begin(), peers.end(),
                           [&](const patio::peer_info& p) { return p.id == w.id; });
    if (at == peers.end()) return false;
    require(at->inbound == 0, "no request runs any more");
    return true;
  }

  void shut_down() {
    for (auto& n : nodes_)
      n->calls_again = false, n->node.shut_down({patio::errc::shut_down, "over", {}});
    settle();
    for (auto& n : nodes_) {
      require(n->over(n->calls.size(), false), "every call has ended");
      auto left = n->node.tables();
      require(left.connections + left.calls + left.waiting_names == 0,
              "a node that is shut down holds nothing");
      require(n->node.tables().calls == 0 && n->node.peers().empty(),
              "a node that is shut down has no peers");
    }
  }

  std::uint8_t how_;
  patio::instant now_ = 1'000s;
  std::vector<std::unique_ptr<fuzz_node>> nodes_;
  std::vector<std::unique_ptr<played_wire>> wires_;
  std::unique_ptr<linked_wire> link_;
};

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input input{data, size};
  fuzz_mesh mesh{input.byte()};
  mesh.run(input);
  return 0;
}
