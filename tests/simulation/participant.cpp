#include "mesh.hpp"

namespace patio::simulation {
namespace {

constexpr const char* names[] = {"f0", "f1", "f2", "f3", "relay"};

std::string digits(std::uint64_t n, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i, n >>= 8) text += static_cast<char>(n & 0xff);
  return text;
}

} // namespace

participant::participant(mesh& owner, std::size_t number) : owner_{owner}, number_{number} {}

registry participant::functions() const {
  registry rpc;
  for (std::size_t i = 0; i < std::size(names); ++i)
    if ((number_ + i) % 2 == 0 || i == 4)
      rpc.add(names[i], [](value) { return value{}; }); // run in handle(execute_call)
  return rpc;
}

void participant::start() {
  ++incarnation_;
  node_options options{.key = "k", .seed = owner_.clock_.below(1000)};
  options.limits.inbound_calls = 64;
  if (owner_.clock_.chance(0.5)) options.decode_apart = owner_.clock_.below(100);
  options.extensions.credit = owner_.clock_.chance(0.7);
  options.executors[""] = {1 + owner_.clock_.below(3), 1 + owner_.clock_.below(12)};
  options.wake = [this, born = incarnation_] {
    owner_.clock_.after(owner_.clock_.duration(std::chrono::milliseconds{5}), [this, born] {
      if (born != incarnation_ || !node_) return;
      node_->tick(owner_.clock_.now());
      pump();
    });
  };
  node_ = std::make_unique<driven_node>(options, functions(), [this](node_event&& event) {
    std::visit([this](auto& e) { handle(e); }, event);
  });
  is_draining_ = false;
  ticks_at_ = never;
}

// The machine loses power. Its own calls end without a report, and its peers notice nothing before
// link::patience.
void participant::crash() {
  if (!node_) return;
  ++incarnation_;
  for (auto& [id, w] : std::exchange(wires_, {})) w.wire->vanish(w.end);
  node_->shut_down({errc::shut_down, {}, {}}); // sends nothing, because the wires are gone
  node_.reset();
  hung_.clear();
  blocked_.clear();
}

// The process is told to end. Running calls finish, and no call in flight is lost.
void participant::go_away() {
  if (!node_ || is_draining_) return;
  is_draining_ = true;
  node_->go_away();
  pump();
  end_when_drained(owner_.clock_.now() + std::chrono::seconds{10});
}

void participant::end_when_drained(instant latest) {
  auto written = [](const auto& w) { return w.second.unsent.empty(); };
  if (owner_.clock_.now() < latest
      && !(node_->is_drained() && std::all_of(wires_.begin(), wires_.end(), written))) {
    owner_.clock_.after(std::chrono::milliseconds{5}, [this, latest, born = incarnation_] {
      if (born == incarnation_ && node_) end_when_drained(latest);
    });
    return;
  }
  node_->shut_down({errc::shut_down, {}, {}});
  ++incarnation_;
  node_.reset();
  wires_.clear();
  hung_.clear();
  blocked_.clear();
}

void participant::call(const std::string& name, value timeout) {
  if (!node_ || is_draining_) return;
  auto number = owner_.oracle_.begin();
  auto token = ++last_token_;
  callers_[token] = [this, number](result<value> r) {
    auto& forget = owner_.settings_.forget_a_lost_call;
    if (forget && !r && r.error().code == errc::maybe_executed) forget = false;
    else owner_.oracle_.ended(number, r);
  };
  auto id =
    node_->call(token, {name, {{value{number}}, {}}, std::move(timeout)}, owner_.clock_.now());
  if (owner_.clock_.chance(0.05)) {
    auto when = owner_.clock_.duration(std::chrono::seconds{2});
    owner_.clock_.after(when, [this, id, born = incarnation_] {
      if (born == incarnation_ && node_) node_->cancel(id), pump();
    });
  }
  pump();
}

void participant::handle(call_finished& event) {
  auto& r = event.outcome;
  auto at = callers_.find(event.token);
  if (at == callers_.end())
    return owner_.oracle_.complain(-1, "a token ended that was not waiting");
  auto tell = std::move(at->second);
  callers_.erase(at);
  owner_.fingerprint_ = owner_.fingerprint_ * 1099511628211
                        + (r ? 0 : static_cast<std::uint64_t>(r.error().code))
                        + static_cast<std::uint64_t>(owner_.clock_.now().count());
  tell(std::move(r));
}

void participant::handle(execute_call& event) {
  auto& work = event.work;
  auto number = work.args.positional.at(0);
  if (work.entry->name != "relay") return execute_later(work, number);
  work.reservation->begin(owner_.clock_.now());
  // Makes a nested call, perhaps back to the caller.
  auto token = ++last_token_;
  callers_[token] = [this, id = work.id, born = incarnation_](result<value> r) {
    if (born == incarnation_) answer(id, r);
  };
  node_->call(token, {names[owner_.clock_.below(4)], std::move(work.args), 5}, owner_.clock_.now());
}

void participant::handle(decode_payload& event) {
  auto done = [this, id = event.id, shared = std::shared_ptr(std::move(event.job)),
               born = incarnation_] {
    if (born != incarnation_ || !node_) return;
    shared->run();
    node_->decoded(id, *shared, owner_.clock_.now());
    pump();
  };
  owner_.clock_.after(owner_.clock_.duration(std::chrono::milliseconds{50}), done);
}

// All callers keep to their credit.
void participant::handle(log_line& event) {
  if (event.text.find("more than its credit") != std::string::npos)
    owner_.oracle_.complain(-1, event.text);
}

// Like an executor, does not begin a stopped call.
void participant::execute_later(const inbound_call& work, const value& number) {
  auto start = [this, id = work.id, number, over = work.stop, place = work.reservation,
                born = incarnation_] {
    if (born != incarnation_ || over.stop_requested()) return;
    place->begin(owner_.clock_.now());
    owner_.oracle_.executed(*number.as_int64());
    answer_later(id, number);
  };
  if (owner_.clock_.chance(0.3))
    owner_.clock_.after(owner_.clock_.duration(std::chrono::seconds{1}), start);
  else start();
}

void participant::answer_later(const inbound_id& id, value v) {
  auto done = [this, id, v, born = incarnation_] {
    if (born == incarnation_) answer(id, v);
  };
  if (!owner_.healed_ && !owner_.settings_.only_restarts && owner_.clock_.chance(0.02))
    hung_.push_back(done);
  else owner_.clock_.after(owner_.clock_.duration(std::chrono::seconds{1}), done);
}

void participant::answer(const inbound_id& id, const result<value>& r) {
  if (!node_) return;
  node_->answer(id, r);
  pump();
}

void participant::wake_hung() {
  for (auto& done : std::exchange(hung_, {})) done();
}

void participant::dial(std::size_t to) {
  if (!node_) return;
  auto& other = *owner_.all_[to];
  if (!other.running() || other.is_draining_ || is_draining_ || owner_.clock_.chance(0.1))
    return redial(to, false);
  auto ids = std::make_shared<std::array<connection_id, 2>>();
  auto end_of = [ids](participant& p, std::size_t side) {
    return link::endpoint_events{[ids, side, &p, born = p.incarnation_](std::string_view bytes) {
                                   if (born == p.incarnation_) p.received((*ids)[side], bytes);
                                 },
                                 [ids, side, &p, born = p.incarnation_] {
                                   if (born == p.incarnation_) p.lost((*ids)[side]);
                                 }};
  };
  auto delay = std::chrono::milliseconds{1 + static_cast<int>(owner_.clock_.below(40))};
  auto wire = std::make_shared<link>(owner_.clock_, end_of(*this, 0), end_of(other, 1), delay);
  owner_.links_.push_back(wire);
  (*ids)[0] = open(role::client, to, wire, 0);
  (*ids)[1] = other.open(role::server, number_, wire, 1);
}

connection_id participant::open(role side, std::size_t other, std::shared_ptr<link> wire, int end) {
  auto nonce = digits(owner_.clock_.below(~std::uint64_t{0}), side == role::server ? 16 : 4);
  auto id = node_->open(side, "node" + std::to_string(other), nonce, owner_.clock_.now());
  wires_[id] = {
    std::move(wire), end, {}, 0, {}, side == role::client ? std::optional{other} : std::nullopt};
  pump();
  return id;
}

void participant::received(connection_id id, std::string_view bytes) {
  if (!node_) return;
  node_->receive(id, bytes, owner_.clock_.now());
  pump();
}

void participant::lost(connection_id id) {
  auto at = wires_.find(id);
  if (!node_ || at == wires_.end()) return;
  node_->close_at_end(id, at->second.sent); // as a broker does
  pump();
}

void participant::handle(peer_ready& event) {
  if (auto to = wires_[event.peer.id].dialled) backoffs_[*to].succeeded();
}

void participant::handle(connection_closed& event) {
  auto at = wires_.find(event.id);
  if (at == wires_.end()) return;
  auto w = std::move(at->second);
  wires_.erase(at);
  if (w.unsent.empty() && !event.last_bytes.empty()) w.wire->send(w.end, event.last_bytes);
  w.wire->close(w.end);
  if (w.dialled) redial(*w.dialled, event.why.code == errc::login_refused);
}

void participant::redial(std::size_t to, bool refused) {
  auto [at, fresh] = backoffs_.try_emplace(to, backoff_options{}, number_ * 100 + to);
  owner_.clock_.after(at->second.failed(refused), [this, to, born = incarnation_] {
    if (born == incarnation_) dial(to);
  });
}

void participant::pump() {
  if (!node_) return;
  auto ready = node_->take_dirty();
  ready.insert(ready.end(), blocked_.begin(), blocked_.end());
  blocked_.clear();
  for (auto id : ready)
    if (auto at = wires_.find(id); at != wires_.end()) write(id, at->second);
  auto next = node_->next_deadline();
  if (next >= ticks_at_) return;
  ticks_at_ = next;
  owner_.clock_.at(next, [this, born = incarnation_] {
    if (born != incarnation_ || !node_) return;
    ticks_at_ = never;
    node_->tick(owner_.clock_.now());
    pump();
  });
}

// Sometimes the socket accepts only a part of the output, and then nothing for some time.
void participant::write(connection_id id, wire_end& w) {
  w.unsent += node_->take_output(id);
  bool blocked = w.blocked_until > owner_.clock_.now();
  bool blocks = !blocked && owner_.clock_.chance(0.05);
  auto part = blocked ? 0 : blocks ? owner_.clock_.below(w.unsent.size() + 1) : w.unsent.size();
  w.wire->send(w.end, std::string_view{w.unsent}.substr(0, part));
  w.sent += part;
  w.unsent.erase(0, part);
  if (w.unsent.empty()) return;
  blocked_.insert(id);
  if (!blocks) return;
  // With only_restarts no call may be lost. After a longer block, discovery could exceed
  // handshake_timeout, and the closed connection could lose calls.
  std::chrono::milliseconds longest{owner_.settings_.only_restarts ? 200 : 4000};
  w.blocked_until = owner_.clock_.now() + owner_.clock_.duration(longest);
  owner_.clock_.at(w.blocked_until, [this, born = incarnation_] {
    if (born == incarnation_) pump();
  });
}

std::vector<std::string> participant::leftovers() const {
  std::vector<std::string> lines;
  auto line = [&](const std::string& what) {
    lines.push_back("node " + std::to_string(number_) + ": " + what);
  };
  if (!callers_.empty()) line(std::to_string(callers_.size()) + " callers still wait");
  if (!node_) return lines;
  if (node_->tables().calls != 0)
    line(std::to_string(node_->tables().calls) + " calls in flight at rest");
  for (const auto& p : node_->peers())
    if (p.inbound + p.outbound != 0)
      line("a session with " + std::to_string(p.inbound) + " inbound and "
           + std::to_string(p.outbound) + " outbound calls at rest");
  return lines;
}

} // namespace patio::simulation
