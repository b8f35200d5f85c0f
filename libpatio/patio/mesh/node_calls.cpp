#include <patio/mesh/node_connection.hpp>

#include <patio/value/repr.hpp>

namespace patio::mesh {
namespace {

// What is quick for a few small arguments may not be for many large ones, and everyone would wait
// for it.
bool is_small(const arguments& args) {
  std::uint64_t weight = 0;
  for (const auto& v : args.positional) weight += v.weight();
  for (const auto& [name, v] : args.keywords) weight += v.weight();
  return weight <= 1024;
}

} // namespace

std::size_t node::calls_in_flight() const noexcept { return slots_.size() - free_.size(); }

call_id node::call(std::uint64_t token, call_request request, instant now,
                   std::optional<connection_id> only) {
  visit inside{*this};
  now_ = now;
  std::uint32_t at = 0;
  if (free_.empty()) {
    at = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    at = free_.back();
    free_.pop_back();
  }
  auto& s = slots_[at];
  s.token = token;
  s.only = only;
  call_id id{at, s.generation};
  auto deadline = deadline_of(request.timeout, now, options_.limits.longest_timeout);
  s.deadline = deadline.value_or(never);
  s.request = std::make_unique<call_request>(std::move(request));
  if (!deadline) finish(at, fail(errc::invalid, to_str(deadline.error().exception)));
  else if (down_ || (leaving_ && inbound_running() == 0)) finish(at, fail(errc::shut_down, {}));
  else if (auto n = calls_in_flight(); n > options_.limits.waiting_calls)
    finish(at, fail(errc::overloaded, limit::waiting_calls,
                    std::to_string(n - 1) + " calls are in flight"));
  else dispatch(at, now);
  return id;
}

void node::dispatch(std::uint32_t at, instant now) {
  auto& s = slots_[at];
  const auto& name = s.request->function;
  if (s.deadline <= now)
    return finish(at, fail(errc::timeout, "no time was left to send " + quoted(name)));
  if (s.only) {
    auto* c = find(*s.only);
    if (!c || c->session.state() == protocol::session::state::closed)
      return finish(at, fail(errc::not_sent, "the peer for " + quoted(name) + " is not connected"));
    return router_.serves(*s.only, name)
             ? send(at, *c, now)
             : finish(at, fail(errc::no_route, quoted(name) + " at " + c->address));
  }
  auto load = [this](connection_id id) { return find(id)->session.outbound(); };
  if (auto id = router_.pick(name, options_.route, load)) return send(at, *find(*id), now);
  wait_for_route(at, now);
}

void node::send(std::uint32_t at, connection& to, instant now) {
  auto& s = slots_[at];
  if (to.congested)
    return finish(
      at, fail(errc::overloaded, limit::high_water_bytes,
               quoted(s.request->function) + " at " + to.address + ": the peer does not read"));
  s.request->timeout = seconds_left(s.deadline, now);
  auto serial = to.session.request(at, *s.request);
  if (!serial) {
    serial.error().message =
      quoted(s.request->function) + " at " + to.address + ": " + serial.error().message;
    return finish(at, tl::unexpected(std::move(serial.error())));
  }
  if (s.deadline != never && !std::exchange(s.timed, true))
    ++s.entries, schedule(s.deadline, {due::kind::call, at, s.generation});
  s.where = slot::place::sent;
  s.serial = *serial;
  s.at = to.id;
  s.request.reset();
  note_change(to);
}

void node::wait_for_route(std::uint32_t at, instant now) {
  auto& s = slots_[at];
  if (options_.limits.route_timeout <= instant::zero())
    return finish(at, fail(errc::no_route, quoted(s.request->function)));
  s.where = slot::place::waiting;
  auto until = after(now, options_.limits.route_timeout);
  s.timed = s.deadline <= until; // else it needs another entry once it is sent
  ++s.entries;
  schedule(std::min(s.deadline, until), {due::kind::call, at, s.generation});
  s.order = ++waited_;
  waiting_[s.request->function].emplace(s.order, at);
}

void node::serve(const connection& c) {
  router_.serve(c.id, c.names);
  for (const auto& name : c.names) {
    if (waiting_.empty()) return;
    auto waiting = waiting_.extract(name);
    if (waiting.empty()) continue;
    for (auto [order, at] : waiting.mapped())
      if (slots_[at].where == slot::place::waiting && slots_[at].order == order) dispatch(at, now_);
  }
}

void node::expire(std::uint32_t at, instant now) {
  auto& s = slots_[at];
  auto late = s.deadline <= now;
  if (s.where == slot::place::waiting)
    return finish(
      at, late ? fail(errc::timeout, "nobody served " + quoted(s.request->function) + " in time")
               : fail(errc::no_route, quoted(s.request->function)));
  if (!late) return; // the end of its wait for a route, long since found
  if (auto* c = find(s.at))
    c->session.abandon(s.serial, {errc::timeout, "no answer from " + c->address, {}});
}

bool node::is_under_way(call_id id) const noexcept {
  if (id.slot >= slots_.size()) return false;
  const auto& s = slots_[id.slot];
  return s.generation == id.generation && s.where != slot::place::nowhere;
}

void node::cancel(call_id id) {
  visit inside{*this};
  if (!is_under_way(id)) return;
  auto& s = slots_[id.slot];
  error why{errc::cancelled, {}, {}};
  if (s.where == slot::place::waiting) return finish(id.slot, tl::unexpected(std::move(why)));
  auto* c = find(s.at);
  if (!c) return;
  c->session.abandon(s.serial, std::move(why));
  note_change(*c);
}

void node::finish(std::uint32_t at, result<value> r) {
  auto& s = slots_[at];
  // The peer's clock was the first to ring.
  if (!r && is_timeout(r.error()) && s.deadline <= now_)
    r = fail(errc::timeout, "the peer says so");
  if (s.where == slot::place::sent && !r && r.error().code != errc::remote_error)
    if (auto* c = find(s.at); c && r.error().message.find(c->address) == std::string::npos)
      r.error().message =
        "peer " + c->address + (r.error().message.empty() ? "" : ": " + r.error().message);
  if (s.where == slot::place::waiting) {
    auto waiting = waiting_.find(s.request->function);
    if (waiting != waiting_.end() && waiting->second.erase(s.order) > 0 && waiting->second.empty())
      waiting_.erase(waiting);
  }
  // What is wrong with an answer, its session reports as well, to be counted there.
  if (!r) s.where == slot::place::sent ? name_limit(r.error()) : count(r.error());
  auto token = s.token;
  auto entries = s.entries;
  auto generation = s.generation + 1;
  s = slot{};
  s.generation = generation;
  free_.push_back(at);
  if (entries > 0) settle(entries);
  events_.on_finished(token, std::move(r));
}

std::size_t node::inbound_running() const noexcept {
  std::size_t sum = 0;
  for (const auto& [id, c] : connections_) sum += c->session.inbound();
  return sum;
}

// What is over may still wait for a worker, or be worked on, and hold its arguments.
std::shared_ptr<const void> node::charge(const connection& from, std::size_t bytes) const {
  *from.held += bytes, *held_ += bytes;
  return {static_cast<const void*>(nullptr),
          [own = from.held, all = held_, bytes](const void*) { *own -= bytes, *all -= bytes; }};
}

std::optional<error> node::refusal(const connection& from, std::size_t bytes) const {
  if (leaving_ && from.session.left())
    return error{errc::shut_down, "the node is shutting down", {}};
  if (from.congested)
    return error{errc::overloaded,
                 "overloaded: the caller does not read its answers",
                 {},
                 limit::high_water_bytes};
  auto hold = [](const char* whose, std::size_t held) {
    return std::string{"overloaded: the arguments of "} + whose + " calls take "
           + std::to_string(held) + " bytes";
  };
  if (std::size_t held = *from.held; held > 0 && held + bytes > options_.limits.inbound_bytes)
    return error{errc::overloaded, hold("this connection's", held), {}, limit::inbound_bytes};
  if (std::size_t held = *held_; held > options_.limits.node_inbound_bytes)
    return error{errc::overloaded, hold("all", held), {}, limit::node_inbound_bytes};
  return {};
}

// What is refused is left where it was.
void node::execute(connection& from, protocol::request_id request, call_request&& call) {
  auto refuse = [&](error why) { from.session.answer(request, tl::unexpected(std::move(why))); };
  auto bytes = from.session.argument_bytes(request);
  if (auto why = refusal(from, bytes)) return refuse(std::move(*why));
  if (!from.session.may_call(call.function)) {
    auto who = from.session.proved().empty() ? "a peer without a name"
                                             : quoted(from.session.proved().front());
    events_.on_log(from.address, who + " may not call " + quoted(call.function));
    return refuse(remote_error(value::exception("builtins.PermissionError", {call.function})));
  }
  const auto* entry = functions_.find(call.function);
  if (!entry) {
    events_.on_log(from.address, "unknown function " + quoted(call.function));
    return refuse({errc::no_route, call.function, {}});
  }
  auto deadline = deadline_of(call.timeout, now_, options_.limits.longest_timeout);
  if (!deadline) {
    deadline.error().message = "bad timeout"; // a refusal, not something a function raised
    return refuse(std::move(deadline.error()));
  }
  if (*deadline <= now_) return refuse({errc::timeout, "the call arrived with no time left", {}});
  const auto* run = std::get_if<immediate_function>(&entry->run);
  if (run && entry->quick && is_small(call.args))
    return from.session.answer(request, (*run)(std::move(call.args)));
  schedule(*deadline, {due::kind::inbound, request.serial, from.id, request.number});
  events_.on_execute({{from.id, request},
                      entry,
                      std::move(call.args),
                      *deadline,
                      from.session.over(request),
                      charge(from, bytes)});
}

void node::answer(const inbound_id& id, const result<value>& r) {
  end_inbound(id, [&](protocol::session& s) { s.answer(id.request, r); });
}

void node::answer_pickled(const inbound_id& id, const result<std::string>& r) {
  end_inbound(id, [&](protocol::session& s) { s.answer_pickled(id.request, r); });
}

template <class Answer>
void node::end_inbound(const inbound_id& id, Answer answer) {
  visit inside{*this};
  auto* c = find(id.from);
  if (!c || !c->session.is_running(id.request)) return;
  answer(c->session);
  settle(); // its deadline, if it had one
  note_change(*c);
}

} // namespace patio::mesh
