#include <patio/mesh/node.hpp>

#include <algorithm>
#include <new>
#include <stdexcept>

#include <patio/convert/convert.hpp>
#include <patio/pickle/pickle.hpp>
#include <patio/protocol/descriptions.hpp>
#include <patio/protocol/endpoint.hpp>
#include <patio/protocol/limit_table.hpp>

namespace patio::mesh {
namespace {

using session_state = enum protocol::session::state;

/// A server refuses a login by closing the connection. A connection that ends before the login was
/// sent, or after the server has accepted it, ends for another reason.
remedy remedy_of_close(connection& c) {
  auto& session = c.session;
  bool awaits_verdict = session.state() == session_state::login
                        && session.login().expected() == protocol::packet::auth_ok;
  return awaits_verdict ? remedy::login : remedy::none;
}

} // namespace

node::node(node_options options, registry functions)
    : core_{std::move(options), std::move(functions)} {
  auto& o = core_.options;
  if (auto ok = check_keys(o.key, o.keys); !ok) throw std::invalid_argument{text_of(ok.error())};
  if (auto ok = check_limits(o.limits); !ok) throw std::invalid_argument{text_of(ok.error())};
  core_.functions.lock();
  // A payload within frame_bytes must not fail because of pickle.bytes.
  o.limits.pickle.bytes = std::max(o.limits.pickle.bytes, o.limits.frame_bytes);
  protocol::session_options shared{
    o.key,   core_.functions.names(), o.limits, o.extensions, o.keys, o.rules,
    o.types, o.decode_apart};
  (void)write_pickle(to_value(shared.names), shared.pickled_names);
  for (const auto& name : shared.names) {
    const auto& e = *core_.functions.find(name);
    shared.descriptions[name] =
      to_value(function_description{e.signature, e.doc, e.policy.executor, e.quick});
  }
  core_.session_options = std::make_shared<const protocol::session_options>(std::move(shared));
}

void node::take_dirty(std::vector<connection_id>& ids) {
  for (auto id : core_.dirty)
    if (auto* c = core_.find(id)) c->is_dirty = false;
  std::swap(ids, core_.dirty);
}

void node::take_output(connection_id id, std::string& out) {
  if (auto* c = core_.find(id)) c->take_output(out);
}

result<void> node::admit() {
  const auto& limits = core_.options.limits;
  if (core_.connections.size() >= limits.connections) {
    error why{errc::overloaded, "too many connections", {}, limit::connections};
    core_.counts.count(why, limits);
    return tl::unexpected(std::move(why));
  }
  if (logins_.size() < limits.connections_before_login) return {};
  auto& c = *core_.find(logins_.least_promising(core_.now, limits.handshake_timeout / 10));
  c.session.close({errc::login_refused,
                   "too many peers that have not logged in",
                   {},
                   limit::connections_before_login});
  handle_events(c);
  return {};
}

connection_id node::open(role side, std::string address, std::string nonce, instant now,
                         std::unique_ptr<tls::engine> tls) {
  core_.now = now;
  auto id = ++last_id_;
  if (side == role::server) logins_.add(id, network_of(address), now);
  auto made = std::make_unique<connection>(id, side, std::move(address), std::move(nonce),
                                           core_.session_options, std::move(tls));
  auto& c = *core_.connections.emplace(id, std::move(made)).first->second;
  c.inbound.ledger = std::make_shared<connection_ledger>(id, credit_.ledger());
  core_.schedule(after(now, core_.options.limits.handshake_timeout), login_due{id});
  core_.note_output(c);
  return id;
}

bool node::receive(connection_id id, std::string_view bytes, instant now) {
  core_.now = now;
  auto* c = core_.find(id);
  if (!c) return false;
  c->record.heard += bytes.size();
  if (!c->tls) {
    c->session.feed(bytes);
    return process(*c);
  }
  bool was_open = c->tls->is_open();
  c->plain.clear();
  auto decrypted = c->tls->receive(bytes, c->plain);
  if (!was_open && c->tls->is_open()) c->session.login().prove(c->tls->peer_names());
  if (!decrypted) c->tls_failure = std::move(decrypted.error());
  c->session.feed(c->plain);
  return process(*c);
}

bool node::decoded(connection_id id, protocol::decode_job& job, instant now) {
  core_.now = now;
  auto* c = core_.find(id);
  if (!c) return false;
  c->session.decoded(job);
  return handle_events(*c, &job) && process(*c);
}

bool node::next(connection_id id) {
  auto* c = core_.find(id);
  return c && process(*c);
}

bool node::is_decoding(connection_id id) {
  auto* c = core_.find(id);
  return c && c->session.status().is_decoding;
}

// Handles the session's events after each frame. The answer of a quick function therefore comes
// before the session's own answer to a later frame.
bool node::process(connection& c) {
  try {
    if (c.ran_out_of_memory)
      c.session.close({errc::protocol, "out of memory while handling the peer's bytes", {}});
    for (bool more = true; more;) {
      more = c.session.next();
      if (!handle_events(c)) return false;
      if (more && !core_.events.empty()) return true;
    }
    if (!end_after_frames(c)) return false;
    credit_.update(c);
    core_.note_output(c);
    purge_deadlines();
    return false;
  } catch (const std::bad_alloc&) {
    c.ran_out_of_memory = true; // the unread bytes are lost with the caller's buffer
    core_.retry_at = core_.now + std::chrono::milliseconds{10};
    throw;
  }
}

// Handles the end of the stream after all earlier frames and the current decode. Returns false if
// the connection has ended.
bool node::end_after_frames(connection& c) {
  if (c.tls_failure) {
    c.end = stream_end{std::exchange(c.tls_failure, {})};
  } else if (c.tls && c.tls->peer_closed() && !c.end) {
    auto lost = c.is_ready() ? errc::maybe_executed : errc::login_refused;
    error why{lost, "the peer closed the connection", {}};
    why.remedy = remedy_of_close(c);
    c.end = stream_end{std::move(why)};
  }
  if (!c.end) return true;
  if (c.session.status().is_decoding) {
    core_.routes.remove(c.id);
    outbound_.resume_after_changes();
    return true;
  }
  auto end = *std::exchange(c.end, {});
  if (end.why) c.session.close(std::move(*end.why));
  else close_at_end(c.id, end.sent);
  return end.why && handle_events(c);
}

void node::close(connection_id id, error why, std::uint64_t sent) {
  auto* c = core_.find(id);
  if (!c) return;
  // With TLS, all encrypted bytes count as sent.
  if (c->tls) c->session.close(std::move(why));
  else c->session.close(std::move(why), sent);
  handle_events(*c);
}

void node::close_at_end(connection_id id, std::uint64_t sent) {
  auto* c = core_.find(id);
  if (!c) return;
  if (c->session.status().is_decoding) {
    c->end = stream_end{{}, sent};
    core_.routes.remove(id);
    outbound_.resume_after_changes();
    return;
  }
  bool within = c->session.is_within_frame();
  error why{within ? errc::protocol : errc::maybe_executed, "the peer closed the connection", {}};
  if (!c->is_ready()) why.code = errc::login_refused;
  why.remedy = remedy_of_close(*c);
  if (c->tls && !c->tls->is_open()) {
    why.message += " during the TLS handshake";
    why.remedy = remedy::tls;
  } else if (within) {
    why.message += " within a frame";
  } else if (c->tls) {
    why.message += " without a TLS close_notify: the stream may be truncated";
  }
  close(id, std::move(why), sent);
}

void node::congested(connection_id id, bool is_congested) {
  if (auto* c = core_.find(id)) {
    health_.congested(*c, is_congested);
    credit_.update(*c);
  }
  outbound_.resume_after_changes();
}

call_id node::call(std::uint64_t token, call_request&& request, instant now,
                   std::optional<connection_id> only) {
  core_.now = now;
  bool serves_nobody =
    core_.is_draining && std::ranges::all_of(core_.connections, [](const auto& entry) {
      return entry.second->session.inbound().size() == 0;
    });
  return outbound_.begin(token, std::move(request), only, core_.is_down || serves_nobody);
}

void node::cancel(call_id id) {
  outbound_.cancel(id);
  purge_deadlines();
}

void node::answer(const inbound_id& id, const result<value>& r) {
  inbound_.answer(id, r);
  if (auto* c = core_.find(id.from); c && handle_events(*c)) credit_.update(*c);
  purge_deadlines();
}

void node::answer_pickled(const inbound_id& id, const result<std::string>& r) {
  inbound_.answer_pickled(id, r);
  if (auto* c = core_.find(id.from)) credit_.update(*c);
  purge_deadlines();
}

bool node::ask(connection_id id, std::uint64_t token, const question& q) {
  auto* c = core_.find(id);
  if (!c || !c->is_ready()) return false;
  const auto* about = std::get_if<describe>(&q);
  if (!about) c->session.probe(token);
  else if (!protocol::ask_about(c->session, token, about->names))
    core_.tell(answer_received{token, value::list({})});
  core_.note_output(*c);
  return true;
}

// Closes connections that have not logged in yet: such a peer cannot have sent a request. A peer in
// discovery may already have sent requests, so its connection stays open. node_events.cpp sends
// LEAVING to that peer once the session is ready.
void node::go_away() {
  core_.is_draining = true;
  for (auto id : core_.connection_ids()) {
    auto* c = core_.find(id);
    if (!c) continue;
    if (c->session.state() == session_state::login) c->session.close({errc::shut_down, {}, {}});
    else c->session.go_away();
    if (handle_events(*c)) core_.note_output(*c);
  }
}

bool node::is_drained() const {
  return core_.is_draining && outbound_.in_flight() == 0
         && std::ranges::all_of(core_.connections, [](const auto& entry) {
              return protocol::is_drained(entry.second->session);
            });
}

void node::shut_down(const error& why) {
  core_.is_down = true;
  for (auto id : core_.connection_ids()) {
    auto* c = core_.find(id);
    if (!c) continue;
    c->session.close(why);
    handle_events(*c);
  }
  outbound_.fail_all(why);
}

std::vector<peer_info> node::peers() const {
  std::vector<peer_info> all;
  for (const auto& [id, c] : core_.connections)
    if (c->is_ready()) all.push_back(c->info());
  std::ranges::sort(all, {}, &peer_info::id);
  return all;
}

node_tables node::tables() const noexcept {
  return {core_.connections.size(), outbound_.in_flight(), outbound_.waiting_names(),
          core_.deadlines.size()};
}

} // namespace patio::mesh
