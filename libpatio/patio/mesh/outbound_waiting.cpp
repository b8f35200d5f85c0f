// Outbound calls that wait: for a peer that serves the name, or for credit.
#include <patio/mesh/outbound_calls.hpp>

#include <algorithm>
#include <new>
#include <utility>

#include <patio/value/repr.hpp>

namespace patio::mesh {
namespace {

std::size_t memory_of(const call_request& call) {
  return sizeof(call_request) + call.function.size()
         + static_cast<std::size_t>(weight_of(call.args));
}

} // namespace

// Counts the memory of the call. If that is too much, refuses the call and returns false.
bool outbound_calls::may_wait(std::uint32_t at) {
  auto& s = slots_[at];
  if (s.bytes > 0) return true; // the call already waits, for something else
  auto bytes = memory_of(*s.request);
  auto max = core_.options.limits.waiting_bytes;
  if (waiting_bytes_ > 0 && waiting_bytes_ + bytes > max) {
    refuse(at, {errc::overloaded,
                "the arguments of waiting calls take " + std::to_string(waiting_bytes_) + " bytes",
                {},
                limit::waiting_bytes});
    return false;
  }
  s.bytes = bytes;
  waiting_bytes_ += bytes;
  return true;
}

std::optional<error> outbound_calls::refusal_to_hold(const destinations& to,
                                                     std::size_t held) const {
  auto max = core_.options.limits.outbound_calls;
  if (in_flight() <= max) return {}; // the common case
  std::size_t room = 0, calls = held;
  auto add = [&](connection_id id) {
    room += max;
    calls += core_.find(id)->session.outbound().requests();
  };
  if (to.only) add(*to.only);
  else
    for (auto id : core_.routes.choices(to.name)) add(id);
  if (calls < room) return {};
  return error{errc::overloaded,
               std::to_string(calls) + " calls wait for the answers and the credit of the peers",
               {},
               limit::outbound_calls};
}

// Every call that waits asks for more credit, but a peer hears of it only once for each credit.
void outbound_calls::hold(std::uint32_t at) {
  auto& s = slots_[at];
  if (s.where == place::held) return; // the call keeps its place
  destinations to{s.request->function, s.only};
  auto all = held_.find(to);
  if (auto why = refusal_to_hold(to, all == held_.end() ? 0 : all->second.size))
    return refuse(at, in_context(quoted(to.name), std::move(*why)));
  if (!may_wait(at)) return;
  if (s.deadline != never && !std::exchange(s.is_timed, true)) {
    ++s.entries;
    core_.schedule(s.deadline, call_due{{at, s.generation}});
  }
  report_used(to);
  all = held_.try_emplace(std::move(to)).first;
  stop_waiting(at);
  auto& line = all->second;
  s.order = ++last_order_;
  s.in = all;
  s.previous = line.last;
  if (line.last == no_slot) line.first = at;
  else slots_[line.last].next = at;
  line.last = at;
  ++line.size;
  s.where = place::held;
}

void outbound_calls::report_used(const destinations& to) {
  auto report = [&](connection_id id) {
    auto& c = *core_.find(id);
    c.session.credit().report_used(c.queues.of(to.name), c.session.output());
    core_.note_output(c);
  };
  if (to.only) return report(*to.only);
  for (auto id : core_.routes.choices(to.name)) report(id);
}

// Takes the call out of the list in which it waits. Allocates no memory, because every call must be
// able to end.
void outbound_calls::leave_list(std::uint32_t at) {
  auto& s = slots_[at];
  if (s.where == place::held) return leave_line(s);
  auto waiting = waiting_.find(s.request->function);
  if (waiting == waiting_.end() || waiting->second.erase(s.order) == 0) return;
  if (waiting->second.empty()) waiting_.erase(waiting);
}

void outbound_calls::leave_line(slot& s) {
  auto& line = s.in->second;
  if (s.previous == no_slot) line.first = s.next;
  else slots_[s.previous].next = s.next;
  if (s.next == no_slot) line.last = s.previous;
  else slots_[s.next].previous = s.previous;
  if (--line.size == 0) held_.erase(s.in);
  s.previous = s.next = no_slot;
}

void outbound_calls::resume(connection& c) {
  if (held_.empty() || c.is_congested || !c.is_ready()) return;
  using oldest = std::pair<std::uint64_t, lines::iterator>;
  auto is_younger = [](const oldest& a, const oldest& b) { return a.first > b.first; };
  std::vector<oldest> ready;
  for (auto at = held_.begin(); at != held_.end(); ++at) {
    const auto& [name, only] = at->first;
    if (only ? *only != c.id || !core_.routes.serves(c.id, name)
             : !std::ranges::count(core_.routes.choices(name), c.id))
      continue;
    ready.emplace_back(slots_[at->second.first].order, at);
  }
  std::ranges::make_heap(ready, is_younger);
  while (!ready.empty()) {
    std::ranges::pop_heap(ready, is_younger);
    auto all = ready.back().second;
    ready.pop_back();
    auto queue = c.queues.of(all->first.name);
    if (!c.has_room(queue)) {
      c.session.credit().report_used(queue, c.session.output());
      core_.note_output(c);
      continue;
    }
    auto first = all->second.first;
    bool is_last = all->second.size == 1;
    if (!is_last) {
      ready.emplace_back(slots_[slots_[first].next].order, all);
      std::ranges::push_heap(ready, is_younger);
    }
    if (slots_[first].deadline <= core_.now) expire({first, slots_[first].generation});
    else send(first, c, queue);
  }
}

// If there is no memory, the next tick tries again.
void outbound_calls::resume_all() noexcept {
  try {
    for (auto at = held_.begin(); at != held_.end();) resume(at++);
    routes_handled_ = core_.routes.changes();
  } catch (const std::bad_alloc&) {
    core_.retry_at = core_.now + std::chrono::milliseconds{10};
  }
}

// Sends the calls of one destination as long as there is room. Without a peer, all of them wait for
// a route, or end.
void outbound_calls::resume(lines::iterator all) {
  const auto to = all->first;
  for (auto left = all->second.size; left > 0; --left) {
    auto at = all->second.first;
    if (to.only) {
      auto* c = core_.find(*to.only);
      bool is_served = c && core_.routes.serves(c->id, to.name);
      if (is_served && (c->is_congested || !c->has_room(to.name))) return report_used(to);
      dispatch(at);
      continue;
    }
    auto choices = core_.routes.choices(to.name);
    if (!choices.empty() && std::ranges::none_of(choices, [&](connection_id id) {
          auto& c = *core_.find(id);
          return !c.is_congested && c.has_room(to.name);
        }))
      return report_used(to);
    dispatch(at);
  }
}

} // namespace patio::mesh
