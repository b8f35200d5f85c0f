#include <patio/actors/broker/tcp_broker_state.hpp>

#include <optional>
#include <utility>

#include <patio/actors/caf/direct_calls.hpp>

// Handlers of the node's events.
namespace patio {
namespace {

/// Health checks connect and say nothing, every second for months: the peer closes the connection,
/// or its time for the login is over. A crowd of silent connections meets another limit, and stays
/// a warning.
bool is_harmless_silence(const error& why) {
  return why.code == errc::login_refused && why.exceeded != limit::connections_before_login;
}

} // namespace

void tcp_broker_state::handle(mesh::execute_call& event) {
  auto& work = event.work;
  // The captured reservation counts the bytes of the arguments until the worker destroys this
  // lambda.
  auto back = [to = answers_, place = answers_->box.make_place(work.id),
               reservation = work.reservation](result<value> r) mutable {
    to->put(std::move(place), std::move(r));
  };
  tasks_.add(make_task(work.entry, std::move(work.args), work.deadline,
                       reply{std::move(back), errc::shut_down, std::move(work.stop)},
                       {self_->id(), work.id.from}, std::move(work.reservation)));
}

void tcp_broker_state::handle(mesh::call_finished& event) {
  auto caller = callers_.take(event.token);
  std::optional<direct_calls> direct;
  if (driver_.takes_direct_calls()) direct.emplace(self_, this, take_direct);
  deliver(caller, std::move(event.outcome));
}

void tcp_broker_state::handle(mesh::answer_received& event) {
  auto caller = callers_.take(event.token);
  if (!event.description) return caller.promise.deliver(caf::unit);
  if (auto told = from_value<function_descriptions>(*event.description))
    caller.promise.deliver(std::move(*told));
  else deliver(caller, tl::unexpected(detail::within("the description", std::move(told.error()))));
}

void tcp_broker_state::handle(mesh::peer_ready& event) {
  const auto& peer = event.peer;
  auto* c = driver_.find(peer.id);
  if (!c) return;
  c->ready_at = clock_now();
  std::string details;
  for (const auto& name : peer.proved) details += " name=" + printable(name);
  details += " functions=" + std::to_string(peer.names.size());
  log_.tell("connected", peer.address, details);
  dialler_.logged_in(c->dial, peer);
}

// The connection ends even if there is no memory for the log line.
void tcp_broker_state::handle(mesh::connection_closed& event) {
  const auto& why = event.why;
  auto c = driver_.end(event.id, event.last_bytes);
  if (!c) return;
  if (c->ready_at != never) dialler_.lost(c->dial, clock_now() - c->ready_at);
  if (c->dial != 0 && !driver_.is_draining()) return dial_failed(c->dial, why);
  bool fault = why.code == errc::protocol || why.code == errc::login_refused;
  try {
    if (event.was_silent && is_harmless_silence(why)) log_silent(c->address, text_of(why));
    else if (fault) log_.warn("closed", c->address, to_string(why));
    else log_.tell("closed", c->address, reason_field(text_of(why)));
  } catch (const std::bad_alloc&) {}
}

void tcp_broker_state::log_silent(const std::string& peer, const std::string& reason) {
  auto count = std::to_string(++silent_connections_);
  log_.tell("closed", peer, reason_field(reason) + " silent=" + count);
}

void tcp_broker_state::handle(mesh::log_line& event) {
  log_.warn("refused", event.peer, event.text);
}

void tcp_broker_state::handle(mesh::decode_payload& event) {
  driver_.decode(event.id, std::move(event.job));
}

} // namespace patio
