#include <patio/amqp/consumers.hpp>

#include <algorithm>

#include <patio/amqp/topology.hpp>
#include <patio/value/repr.hpp>

namespace patio::amqp {
namespace {

// Reply codes that another try cannot mend.
constexpr std::uint16_t access_refused = 403, resource_locked = 405, precondition_failed = 406;

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
  return queue + "cannot be used: " + std::to_string(closed.code) + text;
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
  for (auto& c : all_) c.current = consumer::state::idle;
  if (!all_.empty()) open_channel();
}

void consumers::reset() {
  owed_.clear();
  by_tag_.clear();
  has_channel_ = false;
  reopen_at_ = never;
  for (auto& c : all_) c.retry_at = never;
}

// Declares all queues before the node consumes from the first one. A queue that is refused closes
// the channel, and RabbitMQ would deliver the calls that have arrived on the channel again.
void consumers::open_channel() {
  reset();
  ++epoch_;
  auto& link = *core_.link;
  link.open_channel(serve_channel);
  link.send(serve_channel, confirm_select{});
  link.send(serve_channel, basic_qos{.prefetch_count = core_.options.prefetch});
  owed_ = {{step_kind::open}, {step_kind::confirm}, {step_kind::qos}};
  has_channel_ = true;
  for (std::size_t i = 0; i < all_.size(); ++i)
    if (all_[i].current != consumer::state::refused) declare(i);
}

void consumers::declare(std::size_t index) {
  auto& c = all_[index];
  const auto& queue = c.options.queue;
  auto arguments = encoded(arguments_of(queue));
  core_.send(serve_channel, queue_declare{.queue = c.entry->name,
                                          .durable = queue.durable,
                                          .auto_delete = queue.auto_delete,
                                          .arguments = arguments});
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
  if (!core_.is_draining) c.retry_at = after(core_.now, c.wait.failed());
  core_.tell(log_line{"RabbitMQ cancelled the consumer of " + quoted(c.entry->name)
                      + ": declaring its queue again"});
  return {};
}

void consumers::handle(const channel_closed& closed) {
  bool is_refusal =
    !owed_.empty()
    && (owed_.front().what == step_kind::declare || owed_.front().what == step_kind::consume)
    && (closed.code == access_refused || closed.code == resource_locked
        || closed.code == precondition_failed);
  if (is_refusal) refuse(all_[owed_.front().index], closed);
  else
    core_.tell(log_line{"RabbitMQ closed the channel of the served functions: "
                        + std::to_string(closed.code) + " " + closed.text});
  reset();
  for (auto& c : all_)
    if (c.current != consumer::state::refused) c.current = consumer::state::idle;
  if (core_.is_draining) return;
  if (is_refusal) open_channel();
  else reopen_at_ = after(core_.now, reopen_wait_.failed());
}

void consumers::refuse(consumer& c, const channel_closed& closed) {
  c.current = consumer::state::refused;
  error why{errc::invalid, why_refused(c.entry->name, closed), {}};
  core_.tell(function_refused{c.entry->name, std::move(why)});
}

void consumers::tick() {
  if (!core_.link || core_.is_draining) return;
  if (reopen_at_ <= core_.now) return open_channel();
  if (!has_channel_) return;
  for (std::size_t i = 0; i < all_.size(); ++i)
    if (all_[i].retry_at <= core_.now) declare(i);
}

instant consumers::next_deadline() const noexcept {
  auto next = reopen_at_;
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
    return c.current == consumer::state::consuming || c.current == consumer::state::refused;
  });
}

} // namespace patio::amqp
