#include <patio/mesh/node.hpp>

#include <new>
#include <stdexcept>

#include <patio/convert/convert.hpp>
#include <patio/mesh/node_connection.hpp>
#include <patio/pickle/pickle.hpp>
#include <patio/protocol/endpoint.hpp>
#include <patio/protocol/limit_table.hpp>
#include <patio/value/repr.hpp>

namespace patio::mesh {
namespace {

/// For loops in which connections may come to their end.
template <class Map>
std::vector<typename Map::key_type> keys(const Map& map) {
  std::vector<typename Map::key_type> all;
  for (const auto& [key, value] : map) all.push_back(key);
  return all;
}

} // namespace

node::node(node_options options, registry functions, node_events& events)
    : options_{std::move(options)}, functions_{std::move(functions)}, events_{events},
      router_{options_.seed}, held_{std::make_shared<std::atomic<std::size_t>>(0)} {
  if (auto ok = check_keys(options_.key, options_.keys); !ok)
    throw std::invalid_argument{ok.error().message};
  if (auto ok = check_limits(options_.limits); !ok) throw std::invalid_argument{ok.error().message};
  functions_.lock();
  // A frame within its limit is not to be refused for its length a second time.
  options_.limits.pickle.bytes =
    std::max(options_.limits.pickle.bytes, options_.limits.frame_bytes);
  protocol::session_options shared{options_.key,        functions_.names(),   options_.limits,
                                   options_.extensions, options_.keys,        options_.rules,
                                   options_.types,      options_.decode_apart};
  (void)write_pickle(to_value(shared.names), shared.pickled_names);
  session_options_ = std::make_shared<const protocol::session_options>(std::move(shared));
}

node::~node() = default;

node::connection* node::find(connection_id id) {
  auto at = connections_.find(id);
  return at == connections_.end() ? nullptr : at->second.get();
}

// An honest peer logs in within a few round trips, so that the oldest are the least likely to be
// one. Where all are new somebody floods, and is the one who has most of them.
connection_id node::least_promising() const {
  const auto& [oldest, how] = *logging_in_.begin();
  if (now_ - how.since >= options_.limits.handshake_timeout / 10) return oldest;
  std::map<std::string_view, std::pair<std::size_t, connection_id>>
    hosts; // how many, and the oldest
  for (const auto& [id, one] : logging_in_)
    ++hosts.try_emplace(one.network, 0, id).first->second.first;
  auto less = [](const auto& a, const auto& b) { // of equally many, the oldest go
    return a.second.first < b.second.first
           || (a.second.first == b.second.first && a.second.second > b.second.second);
  };
  return std::ranges::max_element(hosts, less)->second.second;
}

result<void> node::admit() {
  visit inside{*this};
  error why{errc::overloaded, "too many connections", {}, limit::connections};
  if (connections_.size() >= options_.limits.connections)
    return count(why), tl::unexpected(std::move(why));
  if (logging_in_.size() < options_.limits.connections_before_login) return {};
  find(least_promising())
    ->session.close({errc::login_refused,
                     "too many peers that have not logged in",
                     {},
                     limit::connections_before_login});
  return {};
}

connection_id node::open(role side, std::string address, std::string nonce, instant now,
                         std::unique_ptr<tls::engine> tls) {
  visit inside{*this};
  now_ = now;
  auto id = ++last_id_;
  if (side == role::server) logging_in_.emplace(id, newcomer{network_of(address), now});
  auto made = std::make_unique<connection>(*this, id, side, std::move(address), std::move(nonce),
                                           std::move(tls));
  auto& c = *connections_.emplace(id, std::move(made)).first->second;
  schedule(after(now, options_.limits.handshake_timeout), {due::kind::handshake, 0, id});
  note_change(c);
  return id;
}

void node::receive(connection_id id, std::string_view bytes, instant now) {
  visit inside{*this};
  now_ = now;
  auto* c = find(id);
  if (!c) return;
  c->heard += bytes.size();
  c->receive(bytes);
  note_change(*c);
}

void node::decoded(connection_id id, protocol::decode_job& job, instant now) {
  visit inside{*this};
  now_ = now;
  auto* c = find(id);
  if (!c) return;
  c->session.decoded(job);
  if (c->when_decoded && !c->session.is_decoding()) std::exchange(c->when_decoded, nullptr)();
  note_change(*c);
}

bool node::is_decoding(connection_id id) const {
  auto at = connections_.find(id);
  return at != connections_.end() && at->second->session.is_decoding();
}

void node::close(connection_id id, error why, std::uint64_t sent) {
  visit inside{*this};
  auto* c = find(id);
  if (!c) return;
  // What was encrypted was for the socket at once.
  if (c->tls) c->session.close(std::move(why));
  else c->session.close(std::move(why), sent);
}

void node::close_at_end(connection_id id, std::uint64_t sent) {
  visit inside{*this};
  auto* c = find(id);
  if (!c) return;
  if (c->session.is_decoding()) {
    router_.remove(id);
    return void(c->when_decoded = [this, id, sent] { close_at_end(id, sent); });
  }
  bool within = c->session.is_within_frame();
  error why{within ? errc::protocol : errc::maybe_executed, "the peer closed the connection", {}};
  if (c->session.state() != protocol::session::state::ready) why.code = errc::login_refused;
  if (within) why.message += " within a frame";
  else if (c->tls && c->tls->is_open())
    why.message += " without TLS's word for it: anybody may have cut it";
  close(id, std::move(why), sent);
}

std::string* node::output(connection_id id) {
  auto* c = find(id);
  if (c) return &c->output();
  // A connection that has just closed may still owe its peer an error.
  for (auto& g : gone_)
    if (g->id == id) return &g->output();
  return nullptr;
}

void node::taken(connection_id id, std::size_t bytes) {
  if (auto* c = find(id); c && !c->tls) c->session.taken(bytes);
}

void node::note_change(connection& c) {
  if (c.dirty || !c.has_output()) return;
  c.dirty = true;
  dirty_.push_back(c.id);
}

std::vector<connection_id> node::take_dirty() {
  for (auto id : dirty_)
    if (auto* c = find(id)) c->dirty = false;
  return std::exchange(dirty_, {});
}

void node::forget(connection_id id) {
  router_.remove(id);
  logging_in_.erase(id);
  auto c = connections_.extract(id);
  if (c.empty()) return;
  settle(2 + c.mapped()->session.inbound());
  gone_.push_back(std::move(c.mapped()));
}

void node::name_limit(error& why) const {
  if (why.exceeded == limit::none) return;
  why.message += " (limit " + std::string{to_string(why.exceeded)};
  if (why.exceeded != limit::queue_per_worker)
    why.message += "=" + limit_value(options_.limits, why.exceeded); // which is the pool's own
  why.message += ")";
}

void node::count(error& why) {
  if (why.exceeded == limit::none) return;
  auto times = ++exceeded_[static_cast<std::size_t>(why.exceeded)];
  name_limit(why);
  why.message.insert(why.message.size() - 1, ", exceeded " + std::to_string(times) + " times");
}

void node::refused(const connection& c, error why) {
  count(why);
  events_.on_log(c.address, std::move(why.message));
}

bool node::ping(connection_id id, std::uint64_t token) {
  auto* c = find(id);
  if (!c || c->session.state() != protocol::session::state::ready) return false;
  c->session.ping(token);
  note_change(*c);
  return true;
}

// Nothing is promised to a peer that has not logged in yet; one that discovers may have sent its
// first requests, and is told as soon as it can be.
void node::leave() {
  visit inside{*this};
  leaving_ = true;
  for (auto id : keys(connections_))
    if (auto* c = find(id)) {
      if (c->session.state() == protocol::session::state::login)
        c->session.close({errc::shut_down, {}, {}});
      else c->session.leave();
      if ((c = find(id))) note_change(*c);
    }
}

bool node::has_left() const {
  auto idle = [](const auto& c) { return c.second->session.idle(); };
  return leaving_ && calls_in_flight() == 0
         && std::all_of(connections_.begin(), connections_.end(), idle);
}

void node::shut_down(const error& why) {
  visit inside{*this};
  down_ = true;
  for (auto id : keys(connections_))
    if (auto* c = find(id)) c->session.close(why);
  for (std::uint32_t i = 0; i < slots_.size(); ++i)
    if (slots_[i].where != slot::place::nowhere) finish(i, tl::unexpected(why));
}

std::vector<peer_info> node::peers() const {
  std::vector<peer_info> all;
  for (const auto& [id, c] : connections_)
    if (c->session.state() == protocol::session::state::ready) all.push_back(c->info());
  std::sort(all.begin(), all.end(),
            [](const peer_info& a, const peer_info& b) { return a.id < b.id; });
  return all;
}

node_tables node::tables() const noexcept {
  return {connections_.size(), calls_in_flight(), waiting_.size(), deadlines_.size()};
}

void node::schedule(instant at, due d) {
  if (at != never) deadlines_.push(at, d);
}

void node::settle(std::size_t deadlines) {
  deadlines_.settled([this](const due& d) { return is_live(d); }, deadlines);
}

bool node::is_live(const due& d) {
  switch (d.what) {
  case due::kind::call: return slots_[d.serial_or_slot].generation == d.id_or_generation;
  case due::kind::inbound: {
    auto* c = find(d.id_or_generation);
    return c && c->session.is_running({d.serial_or_slot, d.number});
  }
  default: return find(d.id_or_generation) != nullptr;
  }
}

void node::tick(instant now) {
  visit inside{*this};
  now_ = now;
  while (auto d = deadlines_.pop_due(now)) {
    try {
      if (is_live(*d)) handle_due(*d, now);
    } catch (const std::bad_alloc&) { // nobody may wait for what has been tried once
      if (d->what == due::kind::call) schedule(now + std::chrono::milliseconds{10}, *d);
      else if (auto* c = find(d->id_or_generation)) c->session.close({errc::protocol, {}, {}});
    }
  }
}

void node::handle_due(const due& d, instant now) {
  switch (d.what) {
  case due::kind::call: return expire(d.serial_or_slot, now);
  case due::kind::inbound:
    return answer({d.id_or_generation, {d.serial_or_slot, d.number}},
                  fail(errc::timeout, "the function took longer than its caller allowed"));
  case due::kind::handshake: {
    auto& c = *find(d.id_or_generation);
    if (c.session.state() == protocol::session::state::ready)
      return schedule(now + std::chrono::minutes{1}, {due::kind::forgive, 0, c.id});
    auto within = brief(seconds_left(options_.limits.handshake_timeout, instant::zero()));
    return c.session.close(
      {errc::login_refused, "no login within " + within + " s", {}, limit::handshake_timeout});
  }
  case due::kind::refresh: return refresh(*find(d.id_or_generation), now);
  case due::kind::restore:
    if (auto& c = *find(d.id_or_generation); c.penalties == d.number) {
      c.penalized = false;
      choose_or_avoid(c);
    }
    return;
  case due::kind::forgive:
    find(d.id_or_generation)->session.forgive();
    return schedule(now + std::chrono::minutes{1}, d);
  }
}

} // namespace patio::mesh
