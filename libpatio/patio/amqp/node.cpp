#include <patio/amqp/node.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <variant>

#include <patio/value/repr.hpp>

namespace patio::amqp {
namespace {

node_options completed(node_options o) {
  auto interval = std::chrono::ceil<std::chrono::seconds>(o.limits.probe_interval);
  o.connection.heartbeat = std::clamp(std::min(o.connection.heartbeat, interval),
                                      std::chrono::seconds{0}, std::chrono::seconds{65'535});
  o.connection.missed_heartbeats = o.limits.missed_probes;
  o.connection.body_bytes = o.limits.frame_bytes;
  return o;
}

} // namespace

void check_names(const registry& functions) {
  for (const auto& name : functions.names())
    if (name.size() > max_short_string || name.starts_with("amq."))
      throw std::invalid_argument{quoted(name)
                                  + " cannot be the name of a function at RabbitMQ: a name has 1 "
                                    "to 255 bytes and does not begin with 'amq.'"};
}

node::node(node_options options, registry functions)
    : core_{completed(std::move(options)), std::move(functions)}, topology_{core_},
      consumers_{core_}, cancels_{core_, topology_}, outbound_{core_, topology_, cancels_},
      inbound_{core_, consumers_}, router_{core_,     topology_, consumers_,
                                           outbound_, inbound_,  cancels_},
      wait_{core_.options.limits.reconnect, core_.options.seed} {}

void node::start(instant now) {
  core_.now = now;
  dial_ = dial_state::asked;
  core_.tell(dial_server{});
}

void node::connected(instant now) {
  core_.now = now;
  core_.link.emplace(core_.options.connection, now); // first, because it may throw
  dial_ = dial_state::open;
  handshake_until_ = after(now, core_.options.limits.handshake_timeout);
}

void node::connect_failed(const error& why, instant now) {
  core_.now = now;
  redial_later(why); // first, because the rest may throw std::bad_alloc
  outbound_.set_trouble(text_of(why));
  core_.tell(server_lost{why, {}});
}

void node::receive(std::string_view bytes, instant now) {
  core_.now = now;
  if (!core_.link) return;
  core_.link->feed(bytes, now);
  handle_events();
  close_if_done();
}

void node::disconnected(const std::optional<error>& why, instant now) {
  core_.now = now;
  if (!core_.link) return;
  if (why) return lose(*why);
  core_.link->peer_closed();
  handle_events();
}

void node::set_congested(bool is_congested, instant now) {
  core_.now = now;
  core_.is_congested = is_congested;
  router_.send_waiting();
}

void node::take_output(std::string& out, instant now) {
  core_.now = now;
  if (!core_.link) return;
  router_.send_waiting();
  core_.link->take_output(out, now);
}

void node::handle_events() {
  while (core_.link) {
    auto event = core_.link->next();
    if (!event) return;
    // Declarations are slow while RabbitMQ is busy, and heartbeats show whether it is alive.
    if (std::holds_alternative<connection_opened>(*event)) handshake_until_ = never;
    router_.handle(*event);
    if (auto why = router_.take_loss()) return lose(*why);
  }
}

// Asks for the next dial first, because the rest may throw std::bad_alloc.
void node::lose(const error& why) {
  auto since = router_.ready_since();
  if (since != never && core_.now - since > std::chrono::seconds{1}) wait_.succeeded();
  redial_later(why);
  auto sent = core_.link->taken();
  auto last_bytes = core_.link->take_farewell();
  core_.link.reset();
  core_.is_congested = false;
  topology_.reset();
  consumers_.reset();
  cancels_.reset();
  inbound_.lose();
  outbound_.lose(why, sent);
  handshake_until_ = never;
  router_.reset();
  core_.tell(server_lost{why, std::move(last_bytes)});
  close_if_done();
}

void node::redial_later(const error& why) {
  dial_ = dial_state::idle;
  bool has_work = !core_.is_draining || outbound_.in_flight() > 0;
  if (is_down_ || !has_work) return;
  dial_at_ = after(core_.now, wait_.failed(why.code == errc::login_refused));
}

void node::tick(instant now) {
  core_.now = now;
  if (dial_ == dial_state::idle && dial_at_ <= now) {
    dial_at_ = never;
    start(now);
  }
  if (core_.link) core_.link->tick(now);
  handle_events();
  if (core_.link && handshake_until_ <= now)
    lose({errc::login_refused,
          "the handshake with RabbitMQ took too long",
          {},
          limit::handshake_timeout});
  consumers_.tick();
  outbound_.expire();
  inbound_.expire();
  close_if_done();
}

instant node::next_deadline() const noexcept {
  auto next = std::min({dial_at_, handshake_until_, consumers_.next_deadline(),
                        outbound_.next_deadline(), inbound_.next_deadline()});
  return core_.link ? std::min(next, core_.link->next_deadline()) : next;
}

// A function that runs during the drain may still need calls of its own.
call_key node::call(std::uint64_t token, const call_request& request, instant now) {
  core_.now = now;
  if (!is_down_ && !(core_.is_draining && inbound_.running() == 0))
    return outbound_.begin(token, request);
  core_.tell(call_finished{token, fail(errc::shut_down, {})});
  return {};
}

void node::cancel(const call_key& key, instant now) {
  core_.now = now;
  outbound_.cancel(key);
  close_if_done();
}

void node::answer(const inbound_id& id, const result<value>& outcome, instant now) {
  core_.now = now;
  inbound_.answer(id, outcome);
}

void node::answer_pickled(const inbound_id& id, result<std::string> pickled, instant now) {
  core_.now = now;
  inbound_.answer_pickled(id, std::move(pickled));
}

void node::go_away(instant now) {
  core_.now = now;
  core_.is_draining = true;
  if (core_.link) consumers_.cancel();
  close_if_done();
}

void node::close_if_done() {
  if (!core_.is_draining || outbound_.in_flight() > 0) return;
  if (!core_.link) dial_at_ = never;
  else if (inbound_.is_idle() && consumers_.is_quiet()) core_.link->close();
}

bool node::is_drained() const noexcept {
  return core_.is_draining && !core_.link && outbound_.in_flight() == 0;
}

void node::shut_down(const error& why, instant now) {
  core_.now = now;
  is_down_ = true;
  core_.is_draining = true;
  dial_at_ = never;
  if (core_.link) {
    core_.link->abandon();
    lose({why.code, "this node has shut down", {}});
  }
  outbound_.fail_all(why);
}

} // namespace patio::amqp
