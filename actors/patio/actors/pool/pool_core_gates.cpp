// The part of pool_core that bounds how many tasks of a kind are in the pool at once.
#include <utility>

#include <patio/actors/pool/pool_core.hpp>
#include <patio/actors/pool/pool_core_change.hpp>

namespace patio {

// A function's own gate comes first, so that its waiting calls take no room from other functions.
pool_core::gate* pool_core::gate_after(const registry_entry& entry, const gate* passed) {
  if (passed == &deferred_) return nullptr;
  if (!passed && entry.policy.max_concurrency) {
    auto& g = bounded_[&entry];
    if (g.max == 0) {
      g.max = *entry.policy.max_concurrency;
      g.reason = "for '" + entry.name + "', whose max_concurrency is " + std::to_string(g.max);
    }
    return &g;
  }
  return std::holds_alternative<deferred_function>(entry.run) ? &deferred_ : nullptr;
}

// A task counts until its answer, because every task is answered, whatever becomes of it. For a
// function that answers later, this is longer than it holds a worker. For any other function, the
// worker answers when the function has returned, even if nobody waits for the answer.
void pool_core::enter(change& c, task_ptr t, gate& g) {
  ++g.inside;
  auto stop = t->answer.stop_token();
  auto answer = [original = std::move(t->answer), core = shared_from_this(),
                 &g](result<value> r) mutable {
    original.answer(std::move(r));
    core->leave(g);
  };
  t->answer = reply{std::move(answer), errc::shut_down, std::move(stop)};
  admit(c, std::move(t), &g);
}

void pool_core::wait_at(change& c, task_ptr t, gate& g) {
  if (g.waiting.size() >= max_waiting_) drop_stopped(c);
  auto refuse_at = [&](task_ptr refused) {
    c.end(std::move(refused), {errc::overloaded,
                               std::to_string(max_waiting_) + " calls wait " + g.reason,
                               {},
                               limit::queue_per_worker});
  };
  auto owner = t->owner;
  auto priority = t->entry->policy.priority;
  if (g.waiting.size() >= max_waiting_) {
    auto evicted = g.waiting.evict_for(owner, priority);
    if (!evicted) return refuse_at(std::move(t));
    refuse_at(std::move(*evicted));
  }
  watch_stop(*t);
  c.leave(t->place);
  g.waiting.push(std::move(t), owner, priority);
}

// A task that is let in may be refused at once, and its answer leaves the gate again. The flag
// turns that recursion, which would be as deep as the gate's queue is long, into a loop.
void pool_core::leave(gate& g) {
  {
    std::lock_guard lock{mutex_};
    --g.inside;
    if (std::exchange(g.is_filling, true)) return;
  }
  for (bool more = true; more;) {
    change c{*this};
    more = let_one_in(c, g);
    g.is_filling = more;
  }
}

bool pool_core::let_one_in(change& c, gate& g) {
  if (is_closed_ || g.inside >= g.max) return false;
  auto next = g.waiting.pop();
  if (!next) return false;
  if (is_stopped(*next)) c.end(std::move(*next), {errc::cancelled, {}, {}});
  else enter(c, std::move(*next), g);
  return true;
}

} // namespace patio
