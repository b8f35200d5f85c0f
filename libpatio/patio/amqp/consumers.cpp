#include <patio/amqp/consumers.hpp>

#include <algorithm>

#include <patio/amqp/reply_codes.hpp>
#include <patio/amqp/topology.hpp>
#include <patio/value/repr.hpp>

namespace patio::amqp {
namespace {

/// Returns whether another try gets the same reply code.
bool is_final(std::uint16_t code) {
  return code == access_refused || code == resource_locked || code == precondition_failed;
}

constexpr std::array answers{channel_open_ok::id,  confirm_select_ok::id, basic_qos_ok::id,
                             queue_declare_ok::id, basic_consume_ok::id,  basic_cancel_ok::id};

std::string why_refused(const std::string& name, const channel_closed& closed) {
  auto queue = "the queue " + quoted(name) + " ";
  auto text = " (" + closed.text + ")";
  if (closed.code == precondition_failed)
    return queue
           + "exists with other options, and all servers of a function must declare its "
             "queue with the same options"
           + text;
  if (closed.code == access_refused) return "this user may not serve from " + queue + text;
  auto why = queue + "cannot be used: " + std::to_string(closed.code) + text;
  return is_final(closed.code) ? why : why + "; this node tries again";
}

table arguments_of(const queue_options& options) {
  table all{{"x-dead-letter-exchange", {std::string{dead_letter_exchange}}}};
  for (const auto& entry : options.arguments) {
    auto same = [&](const table_entry& e) { return e.name == entry.name; };
    std::erase_if(all, same);
    all.push_back(entry);
  }
  return all;
}

} // namespace

consumers::consumers(node_core& core)
    : core_{core}, reopen_wait_{core.options.limits.reconnect, core.options.seed} {
  const auto& options = core_.options;
  for (const auto& name : core_.functions.names()) {
    auto own = options.functions.find(name);
    all_.push_back(
      {core_.functions.find(name), own == options.functions.end() ? options.serve : own->second});
    all_.back().wait = backoff{options.limits.reconnect, options.seed + all_.size()};
  }
}

void consumers::begin() {
  reset();
  if (!all_.empty()) open_channel();
}

void consumers::reset() {
  forget_channel();
  has_probe_channel_ = false;
  probed_.reset();
  for (auto& c : all_) {
    c.current = consumer::state::idle;
    c.retry_at = never;
    c.is_reported = false;
  }
}

void consumers::forget_channel() {
  owed_.clear();
  by_tag_.clear();
  has_channel_ = false;
  reopen_at_ = never;
  for (auto& c : all_) {
    if (c.current == consumer::state::refused || c.current == consumer::state::unavailable)
      continue;
    c.current = consumer::state::idle;
    c.retry_at = never;
  }
}

// Declares all queues before the node consumes from the first one. A queue that is refused closes
// the channel, and RabbitMQ would deliver the calls that have arrived on the channel again.
void consumers::open_channel() {
  forget_channel();
  ++epoch_;
  auto& link = *core_.link;
  link.open_channel(serve_channel);
  link.send(serve_channel, confirm_select{});
  link.send(serve_channel, basic_qos{.prefetch_count = core_.options.prefetch});
  owed_ = {{step_kind::open}, {step_kind::confirm}, {step_kind::qos}};
  has_channel_ = true;
  for (std::size_t i = 0; i < all_.size(); ++i)
    if (all_[i].current == consumer::state::idle) declare(i);
}

void consumers::send_declare(channel_number channel, const consumer& c) {
  const auto& queue = c.options.queue;
  auto arguments = encoded(arguments_of(queue));
  core_.send(channel, queue_declare{.queue = c.entry->name,
                                    .durable = queue.durable,
                                    .auto_delete = queue.auto_delete,
                                    .arguments = arguments});
}

void consumers::declare(std::size_t index) {
  auto& c = all_[index];
  send_declare(serve_channel, c);
  c.current = consumer::state::declaring;
  c.retry_at = never;
  owed_.push_back({step_kind::declare, index});
}

void consumers::start(std::size_t index) {
  auto& c = all_[index];
  c.tag = "ctag3." + core_.ids.hex();
  by_tag_[c.tag] = index;
  core_.send(serve_channel, basic_consume{.queue = c.entry->name, .consumer_tag = c.tag});
  c.current = consumer::state::starting;
  owed_.push_back({step_kind::consume, index});
}

void consumers::start_declared() {
  bool are_declared =
    std::ranges::none_of(owed_, [](const step& s) { return s.what == step_kind::declare; });
  if (!are_declared || core_.is_draining) return;
  for (std::size_t i = 0; i < all_.size(); ++i)
    if (all_[i].current == consumer::state::declared) start(i);
}

result<void> consumers::handle(const amqp::method& m) {
  if (const auto* cancelled = std::get_if<basic_cancel>(&m))
    return handle_cancel(cancelled->consumer_tag);
  auto id = id_of(m);
  if (owed_.empty() || answers[static_cast<std::size_t>(owed_.front().what)] != id)
    return fail(errc::protocol, "the server sent " + std::string{name_of(m)} + " at a wrong time");
  auto done = owed_.front();
  owed_.pop_front();
  finish(done);
  return {};
}

void consumers::finish(const step& done) {
  auto& c = all_[done.index];
  if (done.what == step_kind::declare) {
    c.current = consumer::state::declared;
    start_declared();
  } else if (done.what == step_kind::consume) {
    c.current = consumer::state::consuming;
    c.is_reported = false;
    c.wait.succeeded();
    reopen_wait_.succeeded();
  }
}

// Somebody has deleted the queue, or its node in the cluster has failed.
result<void> consumers::handle_cancel(std::string_view tag) {
  auto found = by_tag_.find(tag);
  if (found == by_tag_.end()) return {};
  auto& c = all_[found->second];
  by_tag_.erase(found);
  c.current = consumer::state::idle;
  postpone(c);
  core_.tell(log_line{"RabbitMQ cancelled the consumer of " + quoted(c.entry->name)
                      + ": declaring its queue again"});
  return {};
}

// RabbitMQ answers in order and names the method that failed. A channel can also end for another
// reason while an answer is owed, such as the timeout of a consumer.
consumer* consumers::culprit(const channel_closed& closed) {
  auto what = closed.cause == queue_declare::id   ? step_kind::declare
              : closed.cause == basic_consume::id ? step_kind::consume
                                                  : step_kind::open;
  if (what == step_kind::open) return nullptr;
  auto first = std::ranges::find(owed_, what, &step::what);
  return first == owed_.end() ? nullptr : &all_[first->index];
}

void consumers::handle(const channel_closed& closed) {
  auto* guilty = culprit(closed);
  if (guilty) refuse(*guilty, closed);
  else
    core_.tell(log_line{"RabbitMQ closed the channel of the served functions: "
                        + std::to_string(closed.code) + " " + closed.text});
  forget_channel();
  if (core_.is_draining) return;
  if (guilty) open_channel();
  else reopen_at_ = after(core_.now, reopen_wait_.failed());
}

void consumers::refuse(consumer& c, const channel_closed& closed) {
  if (is_final(closed.code)) {
    c.current = consumer::state::refused;
    c.retry_at = never;
  } else {
    c.current = consumer::state::unavailable;
    postpone(c);
    if (std::exchange(c.is_reported, true)) return;
  }
  error why{errc::invalid, why_refused(c.entry->name, closed), {}};
  core_.tell(function_refused{c.entry->name, std::move(why)});
}

void consumers::postpone(consumer& c) {
  if (!core_.is_draining) c.retry_at = after(core_.now, c.wait.failed());
}

// A declaration that fails ends its channel. On the serve channel, it would end the calls of all
// functions.
void consumers::probe_next() {
  if (probed_ || !core_.link || core_.is_draining) return;
  auto due = std::ranges::find_if(all_, [&](const consumer& c) { return c.retry_at <= core_.now; });
  if (due == all_.end()) return;
  auto index = static_cast<std::size_t>(due - all_.begin());
  if (!has_probe_channel_ && !core_.link->open_channel(probe_channel)) return declare(index);
  has_probe_channel_ = true;
  due->current = consumer::state::unavailable; // even if the serve channel opens again meanwhile
  due->retry_at = never;
  send_declare(probe_channel, *due);
  probed_ = index;
}

result<void> consumers::handle_probe(const amqp::method& m) {
  auto id = id_of(m);
  if (id == channel_open_ok::id && has_probe_channel_) return {};
  if (id != queue_declare_ok::id || !probed_)
    return fail(errc::protocol, "the server sent " + std::string{name_of(m)} + " at a wrong time");
  auto index = *std::exchange(probed_, {});
  all_[index].current = consumer::state::idle;
  if (has_channel_ && !core_.is_draining) declare(index);
  probe_next();
  return {};
}

void consumers::handle_probe(const channel_closed& closed) {
  has_probe_channel_ = false;
  if (probed_) refuse(all_[*std::exchange(probed_, {})], closed);
  probe_next();
}

void consumers::tick() {
  if (!core_.link || core_.is_draining) return;
  if (reopen_at_ <= core_.now) open_channel();
  if (has_channel_) probe_next();
}

instant consumers::next_deadline() const noexcept {
  auto next = reopen_at_;
  if (!has_channel_ || probed_) return next;
  for (const auto& c : all_) next = std::min(next, c.retry_at);
  return next;
}

void consumers::cancel() {
  reopen_at_ = never;
  for (std::size_t i = 0; i < all_.size(); ++i) {
    auto& c = all_[i];
    c.retry_at = never;
    if (c.current != consumer::state::consuming && c.current != consumer::state::starting) continue;
    core_.send(serve_channel, basic_cancel{.consumer_tag = c.tag});
    owed_.push_back({step_kind::cancel, i});
  }
}

const consumer* consumers::find(std::string_view tag) const {
  auto found = by_tag_.find(tag);
  return found == by_tag_.end() ? nullptr : &all_[found->second];
}

bool consumers::is_settled() const noexcept {
  return std::ranges::all_of(all_, [](const consumer& c) {
    return c.current == consumer::state::consuming || c.current == consumer::state::refused
           || c.current == consumer::state::unavailable;
  });
}

} // namespace patio::amqp
