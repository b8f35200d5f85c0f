#include <patio/mesh/outbound_calls.hpp>

#include <new>
#include <utility>

#include <patio/protocol/timeout.hpp>
#include <patio/value/repr.hpp>

namespace patio::mesh {

std::uint32_t outbound_calls::take_slot() {
  if (!free_.empty()) {
    auto at = free_.back();
    free_.pop_back();
    return at;
  }
  slots_.emplace_back();
  free_.reserve(slots_.capacity()); // so that no call needs memory to end
  return static_cast<std::uint32_t>(slots_.size() - 1);
}

call_id outbound_calls::begin(std::uint64_t token, call_request&& request,
                              std::optional<connection_id> only, bool is_refused) {
  auto at = take_slot();
  auto& s = slots_[at];
  s.token = token;
  s.only = only;
  call_id id{at, s.generation};
  const auto& limits = core_.options.limits;
  auto deadline = deadline_of(request.timeout, core_.now, limits.longest_timeout);
  s.deadline = deadline.value_or(never);
  s.request = std::make_unique<call_request>(std::move(request));
  if (!deadline) refuse(at, {errc::invalid, to_str(deadline.error().exception), {}});
  else if (is_refused) refuse(at, {errc::shut_down, {}, {}});
  else if (in_flight() > limits.waiting_calls)
    refuse(at, {errc::overloaded,
                std::to_string(in_flight() - 1) + " calls wait for an answer or for a peer",
                {},
                limit::waiting_calls});
  else dispatch(at);
  return id;
}

void outbound_calls::dispatch(std::uint32_t at) {
  auto& s = slots_[at];
  const auto& name = s.request->function;
  if (s.deadline <= core_.now)
    return refuse(at, {errc::timeout, "no time was left to send " + quoted(name), {}});
  if (s.only) {
    auto* c = core_.find(*s.only);
    if (!c || c->is_closed())
      return refuse(at, {errc::not_sent, "the peer for " + quoted(name) + " is not connected", {}});
    if (core_.routes.serves(*s.only, name)) return send_if_room(at, *c);
    return refuse(at, {errc::no_route, quoted(name) + " at " + c->address, {}});
  }
  auto load = [this](connection_id id) { return core_.find(id)->session.outbound().requests(); };
  connection* peer = nullptr; // the last that was asked for room, and so the one that was picked
  protocol::queue_number queue = 0;
  auto has_room = [&](connection_id id) {
    peer = core_.find(id);
    queue = peer->queues.of(name);
    return peer->has_room(queue);
  };
  auto picked = core_.routes.pick(name, core_.options.route, load, has_room);
  if (picked.id) send(at, *peer, queue);
  else if (picked.is_served) hold(at);
  else wait_for_route(at);
}

void outbound_calls::send_if_room(std::uint32_t at, connection& peer) {
  auto queue = peer.queues.of(slots_[at].request->function);
  if (peer.has_room(queue)) send(at, peer, queue);
  else hold(at);
}

void outbound_calls::send(std::uint32_t at, connection& peer, protocol::queue_number queue) {
  auto& s = slots_[at];
  auto destination = [&] { return quoted(s.request->function) + " at " + peer.address; };
  if (peer.is_congested)
    return refuse(
      at, in_context(destination(),
                     {errc::overloaded, "the peer does not read", {}, limit::high_water_bytes}));
  s.request->timeout = seconds_left(s.deadline, core_.now);
  auto serial = peer.session.request(at, *s.request, queue);
  if (!serial) return refuse(at, in_context(destination(), std::move(serial.error())));
  if (s.deadline != never && !std::exchange(s.is_timed, true)) {
    ++s.entries;
    core_.schedule(s.deadline, call_due{{at, s.generation}});
  }
  stop_waiting(at);
  waiting_bytes_ -= std::exchange(s.bytes, 0);
  s.where = place::sent;
  s.serial = *serial;
  s.at = peer.id;
  s.request.reset();
  core_.note_output(peer);
}

void outbound_calls::wait_for_route(std::uint32_t at) {
  auto& s = slots_[at];
  auto patience = core_.options.limits.route_timeout;
  if (patience <= instant::zero())
    return refuse(at, {errc::no_route, quoted(s.request->function), {}});
  if (!may_wait(at)) return;
  s.route_until = after(core_.now, patience);
  // An entry for the deadline may exist already, or `send` adds it.
  s.is_timed = s.is_timed || s.deadline <= s.route_until;
  ++s.entries;
  core_.schedule(std::min(s.deadline, s.route_until), call_due{{at, s.generation}});
  auto order = ++last_order_;
  waiting_[s.request->function].emplace(order, at);
  stop_waiting(at);
  s.order = order;
  s.where = place::waiting;
}

void outbound_calls::serve(const connection& c) {
  core_.routes.serve(c.id, c.names);
  for (const auto& name : c.names) {
    if (waiting_.empty()) return;
    auto waiting = waiting_.extract(name);
    if (waiting.empty()) continue;
    for (auto [order, at] : waiting.mapped())
      if (slots_[at].where == place::waiting && slots_[at].order == order) dispatch(at);
  }
}

bool outbound_calls::is_under_way(call_id id) const noexcept {
  if (id.slot >= slots_.size()) return false;
  const auto& s = slots_[id.slot];
  return s.generation == id.generation && s.where != place::nowhere;
}

void outbound_calls::expire(call_id id) {
  auto& s = slots_[id.slot];
  bool is_late = s.deadline <= core_.now;
  if (s.where == place::waiting) {
    auto name = quoted(s.request->function);
    if (is_late) return refuse(id.slot, {errc::timeout, "nobody served " + name + " in time", {}});
    if (core_.now < s.route_until) return; // the end of an earlier route wait
    return refuse(id.slot, {errc::no_route, std::move(name), {}});
  }
  if (s.where == place::held) {
    if (!is_late) return;
    return refuse(
      id.slot,
      {errc::timeout, "no peer had room for " + quoted(s.request->function) + " in time", {}});
  }
  if (!is_late) return; // the end of the route wait; the call was sent before
  auto* c = core_.find(s.at);
  if (!c) return;
  (void)c->session.abandon(s.serial, false);
  result<value> outcome = fail(errc::timeout, "no answer from " + c->address);
  health_.record_outcome(*c, outcome);
  finish(id.slot, std::move(outcome));
}

void outbound_calls::cancel(call_id id) {
  if (!is_under_way(id)) return;
  auto& s = slots_[id.slot];
  if (s.where != place::sent) return refuse(id.slot, {errc::cancelled, {}, {}});
  auto* c = core_.find(s.at);
  if (!c) return;
  (void)c->session.abandon(s.serial, true);
  core_.note_output(*c);
  finish(id.slot, tl::unexpected(in_context("peer " + c->address, {errc::cancelled, {}, {}})));
}

void outbound_calls::end(connection& c, std::uint64_t token, result<value> outcome) {
  auto at = static_cast<std::uint32_t>(token);
  health_.record_outcome(c, outcome);
  if (outcome) return finish(at, std::move(outcome));
  auto& why = outcome.error();
  // The peer's report of the timeout arrived before this node handled the call's deadline entry.
  if (is_timeout(why) && slots_[at].deadline <= core_.now)
    why = {errc::timeout, "the peer reported the timeout", {}};
  if (why.code != errc::remote_error) why = in_context("peer " + c.address, std::move(why));
  // Notes the limit without counting it: the session also reports a bad answer as refused_input,
  // and the handler of that event counts it.
  core_.counts.note(why, core_.options.limits);
  finish(at, std::move(outcome));
}

// If there is no memory for the text, the call ends without the text. The caller of `lose` has
// reserved room for the event.
void outbound_calls::lose(const connection& c, std::uint64_t token, errc code,
                          const std::string& text) {
  error why{code, {}, {}};
  try {
    why = in_context("peer " + c.address, {code, text, {}});
  } catch (const std::bad_alloc&) {}
  finish(static_cast<std::uint32_t>(token), tl::unexpected(std::move(why)));
}

// A call that is refused at its deadline was never sent.
void outbound_calls::refuse(std::uint32_t at, error why) {
  if (why.code == errc::timeout) why.remedy = remedy::repetition;
  core_.counts.count(why, core_.options.limits);
  finish(at, tl::unexpected(std::move(why)));
}

// Adds the event first: if there is no memory for the event, the call stays in flight.
void outbound_calls::finish(std::uint32_t at, result<value> outcome) {
  auto& s = slots_[at];
  core_.tell(call_finished{s.token, std::move(outcome)});
  stop_waiting(at);
  waiting_bytes_ -= s.bytes;
  core_.deadlines.settled(s.entries);
  auto generation = s.generation + 1;
  s = slot{};
  s.generation = generation;
  free_.push_back(at);
}

void outbound_calls::fail_all(const error& why) {
  for (std::uint32_t at = 0; at < slots_.size(); ++at)
    if (slots_[at].where != place::nowhere) refuse(at, why);
}

} // namespace patio::mesh
