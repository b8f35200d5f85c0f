#include <patio/mesh/inbound_credit.hpp>

#include <algorithm>
#include <new>

namespace patio::mesh {

inbound_share::inbound_share(std::shared_ptr<connection_ledger> ledger, std::size_t bytes,
                             queue_counts* queue, instant now)
    : ledger_{std::move(ledger)}, queue_{queue}, bytes_{bytes}, arrived_{now} {
  ledger_->bytes += bytes_;
  ledger_->node->bytes += bytes_;
  if (queue_) ++queue_->waiting;
}

inbound_share::~inbound_share() {
  leave();
  ledger_->bytes -= bytes_;
  ledger_->node->bytes -= bytes_;
}

void inbound_share::begin(instant now) noexcept {
  if (!leaves_now()) return;
  queue_->last_wait.store((now - arrived_).count(), std::memory_order_relaxed);
  ledger_->leave(*queue_);
}

void inbound_share::leave() noexcept {
  if (leaves_now()) ledger_->leave(*queue_);
}

// Wakes the node's owner once for each `wake_at`, because each request that leaves makes the number
// smaller by one. Without memory for the message, the credit comes with the next event.
void connection_ledger::leave(queue_counts& queue) noexcept {
  if (--queue.waiting != queue.wake_at) return;
  try {
    if (node->due.put(connection) && node->wake) node->wake();
  } catch (...) {}
}

// Functions of another executor or priority have a queue of their own, so that a call never waits
// for credit behind calls that it would pass in the executor. A function with a bound waits outside
// the executor's queue, and so needs no credit. The same holds for the functions beyond max_queues.
inbound_credit::inbound_credit(node_core& core)
    : core_{core}, numbers_{{{"", priority::normal}, 0}} {
  for (const auto& name : core_.functions.names()) {
    const auto& f = *core_.functions.find(name);
    if (f.quick || f.policy.max_concurrency || numbers_.size() == protocol::max_queues) continue;
    numbers_.try_emplace({f.policy.executor, f.policy.priority},
                         static_cast<protocol::queue_number>(numbers_.size()));
  }
  for (const auto& name : core_.functions.names())
    if (auto number = queue_of(*core_.functions.find(name)); number != 0)
      queues_.emplace(name, number);
  bounds_.resize(numbers_.size());
  for (const auto& [key, number] : numbers_) {
    auto at = core_.options.executors.find(key.first);
    if (at != core_.options.executors.end()) bounds_[static_cast<std::size_t>(number)] = at->second;
  }
  ledger_->wake = core_.options.wake;
}

protocol::queue_number inbound_credit::queue_of(const registry_entry& function) const {
  const auto& policy = function.policy;
  if (function.quick || policy.max_concurrency) return protocol::no_queue;
  if (policy.executor.empty() && policy.priority == priority::normal) return 0;
  auto at = numbers_.find(queue_key{policy.executor, policy.priority});
  return at == numbers_.end() ? protocol::no_queue : at->second;
}

void inbound_credit::begin(connection& c) {
  if (!c.session.status().agreed.credit || !c.inbound.queues.empty()) return;
  auto told = queues_;
  std::erase_if(told, [&](const auto& each) {
    return !may_call(core_.options.rules, c.session.login().proved(), each.first);
  });
  for (const auto& bounds : bounds_) c.inbound.queues.push_back({credit_window{bounds}});
  c.inbound.ledger->queues = std::make_unique<queue_counts[]>(bounds_.size());
  c.session.credit().tell_queues(told, c.session.output());
  update(c);
}

protocol::queue_number inbound_credit::count(connection& c, const registry_entry& function,
                                             std::size_t bytes) {
  if (c.inbound.queues.empty()) return protocol::no_queue;
  auto number = queue_of(function);
  if (number == protocol::no_queue) return number;
  auto& q = c.inbound.queues[static_cast<std::size_t>(number)];
  ++q.arrived;
  q.bytes_of_one = q.arrived == 1 ? bytes : q.bytes_of_one - q.bytes_of_one / 8 + bytes / 8;
  return number;
}

// A request that was refused before its function was known is not counted in `arrived`, but the
// peer counts all that it has sent.
void inbound_credit::used(connection& c, const protocol::queue_total& all) {
  auto number = static_cast<std::size_t>(all.queue);
  if (number >= c.inbound.queues.size()) return;
  auto& q = c.inbound.queues[number];
  q.arrived = std::max(q.arrived, all.total);
  q.window.ask_for_more(q.arrived);
}

// Requests that wait should fit into the pool's queue and into memory beside those of others.
std::size_t inbound_credit::size_of(const connection& c, const inbound_queue& q) const {
  const auto& limits = core_.options.limits;
  auto number = static_cast<std::size_t>(&q - c.inbound.queues.data());
  auto shares = (core_.connections.size() + 1) * bounds_.size();
  auto size = std::min({q.window.size(), bounds_[number].most / shares, limits.inbound_calls});
  std::size_t all = ledger_->bytes, own = c.inbound.ledger->bytes;
  auto free = std::min(limits.node_inbound_bytes - std::min(all, limits.node_inbound_bytes),
                       limits.inbound_bytes - std::min(own, limits.inbound_bytes));
  auto bytes = free / 2;
  return std::max<std::size_t>(1, std::min(size, bytes / std::max<std::size_t>(1, q.bytes_of_one)));
}

// Without these bytes, the next request of the peer would be refused.
bool inbound_credit::has_bytes(const connection& c, const inbound_queue& q) const {
  const auto& limits = core_.options.limits;
  std::size_t own = c.inbound.ledger->bytes;
  bool has_own = own == 0 || own + q.bytes_of_one <= limits.inbound_bytes;
  return has_own && ledger_->bytes <= limits.node_inbound_bytes;
}

void inbound_credit::bytes_may_be_free(connection& c) {
  c.inbound.waits_for_bytes = false;
  update(c);
}

// The requests of a peer that reads too slowly would be refused.
void inbound_credit::update(connection& c) {
  if (!c.session.status().agreed.credit || !c.is_ready() || c.is_congested) return;
  if (c.inbound.queues.empty()) return begin(c);
  for (std::size_t i = 0; i < c.inbound.queues.size(); ++i) {
    const auto& q = c.inbound.queues[i];
    auto number = static_cast<protocol::queue_number>(i);
    bool has_half = 2 * unused(c, number) >= q.window.size();
    if (!has_half || q.window.is_asked_for_more()) grant(c, number);
  }
}

std::uint64_t inbound_credit::unused(connection& c, protocol::queue_number number) {
  auto given = c.session.credit().given(number);
  return given - std::min(given, c.inbound.queues[static_cast<std::size_t>(number)].arrived);
}

// If there is no memory, the next tick handles all connections.
void inbound_credit::update_all() noexcept {
  try {
    ledger_->due.take([this](connection_id id) {
      if (auto* c = core_.find(id)) update(*c);
    });
  } catch (const std::bad_alloc&) {
    core_.retry_at = core_.now + std::chrono::milliseconds{10};
  }
}

// Grants at least half a window at once, so that few packets are needed. If the caller may soon
// have to wait, the worker that takes the last of enough requests wakes the node's owner.
void inbound_credit::grant(connection& c, protocol::queue_number number) {
  auto& q = c.inbound.queues[static_cast<std::size_t>(number)];
  auto& counts = c.inbound.ledger->queues[static_cast<std::size_t>(number)];
  if (!has_bytes(c, q)) {
    if (!std::exchange(c.inbound.waits_for_bytes, true))
      core_.schedule(core_.now + std::chrono::milliseconds{10}, credit_due{c.id});
    return;
  }
  for (;;) {
    std::size_t waiting = counts.waiting;
    auto begun = q.arrived - std::min<std::uint64_t>(q.arrived, waiting);
    q.window.update(q.arrived, begun, std::chrono::nanoseconds{counts.last_wait});
    auto size = size_of(c, q), step = (size + 1) / 2;
    if (begun + size >= c.session.credit().given(number) + step) {
      c.session.credit().grant({number, begun + size}, c.session.output());
      core_.note_output(c);
    }
    auto left = unused(c, number);
    bool has_plenty = left > 0 && 4 * left >= size;
    if (has_plenty || size < step + left) {
      counts.wake_at = queue_counts::no_wake;
      return;
    }
    auto few = static_cast<std::size_t>(size - step - left);
    counts.wake_at = few;
    if (counts.waiting > few) return;
  }
}

} // namespace patio::mesh
