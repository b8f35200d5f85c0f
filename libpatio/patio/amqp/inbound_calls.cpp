#include <patio/amqp/inbound_calls.hpp>

#include <algorithm>
#include <utility>

#include <patio/value/repr.hpp>

namespace patio::amqp {
namespace {

/// Redelivered calls are refused in these words. A C++ caller gets errc::maybe_executed.
error refused_redelivery() {
  return {errc::maybe_executed,
          "maybe executed: an earlier server of this call was lost, and this server does not run a "
          "call twice",
          {}};
}

} // namespace

void inbound_calls::begin(const message_arrived& message) {
  const auto* delivery = std::get_if<basic_deliver>(&message.method);
  if (!delivery) return; // a reply is not mandatory, so RabbitMQ does not return it
  const auto* c = consumers_.find(delivery->consumer_tag);
  if (!c) { // cancelled meanwhile
    core_.send(serve_channel, basic_nack{.delivery_tag = delivery->delivery_tag, .requeue = true});
    return;
  }
  begin(delivery->delivery_tag, *c, message);
}

void inbound_calls::begin(std::uint64_t delivery_tag, const consumer& c,
                          const message_arrived& message) {
  const auto& p = message.properties;
  call new_call;
  new_call.reply_to = p.reply_to.value_or("");
  new_call.delivery_mode = p.delivery_mode;
  new_call.is_redelivered = std::get<basic_deliver>(message.method).redelivered;
  if (p.correlation_id) new_call.correlation_id.emplace(*p.correlation_id);
  auto at = calls_.insert_or_assign(delivery_tag, std::move(new_call)).first;
  auto key = parse_call_key(p.correlation_id.value_or(""));
  if (key && cancelled_.take(*key)) {
    result<value> outcome = fail(errc::cancelled, {});
    return finish(at, write_reply(outcome, core_.options.types, core_.max_body_bytes));
  }
  auto refuse = [&](error why) {
    ++core_.counts.refused_requests;
    core_.tell(log_line{"a call of " + quoted(c.entry->name) + " is refused: " + to_string(why)});
    result<value> outcome = tl::unexpected(std::move(why));
    finish(at, write_reply(outcome, core_.options.types, core_.max_body_bytes));
  };
  if (auto why = refusal(c, message)) return refuse(std::move(*why));
  auto args = read_call(message.body, core_.options.limits, core_.options.types);
  if (!args) return refuse(std::move(args.error()));
  if (c.options.on_redelivery == redelivery::ack_before_run) {
    acknowledge(delivery_tag);
    at->second.is_acknowledged = true;
  }
  run(delivery_tag, c, std::move(*args));
}

std::optional<error> inbound_calls::refusal(const consumer& c,
                                            const message_arrived& message) const {
  const auto& limits = core_.options.limits;
  if (std::get<basic_deliver>(message.method).redelivered
      && c.options.on_redelivery != redelivery::at_least_once)
    return refused_redelivery();
  if (message.is_too_large)
    return error{errc::overloaded,
                 "overloaded: the call has " + std::to_string(message.size)
                   + " bytes, over the "
                     "frame limit of "
                   + std::to_string(limits.frame_bytes),
                 {},
                 limit::frame_bytes};
  if (waiting_bytes_ > limits.write_buffer_bytes)
    return error{errc::overloaded,
                 "overloaded: replies of " + std::to_string(waiting_bytes_)
                   + " bytes wait for RabbitMQ, which does not read fast enough",
                 {},
                 limit::write_buffer_bytes};
  if (std::size_t held = *held_; held > 0 && held + message.body.size() > limits.inbound_bytes)
    return error{errc::overloaded,
                 "overloaded: the arguments of all calls take " + std::to_string(held) + " bytes",
                 {},
                 limit::inbound_bytes};
  return {};
}

std::shared_ptr<const void> inbound_calls::reserve(std::size_t bytes) const {
  *held_ += bytes;
  auto release = [all = held_, bytes](const void*) { *all -= bytes; };
  return {static_cast<const void*>(nullptr), std::move(release)};
}

void inbound_calls::run(std::uint64_t delivery_tag, const consumer& c, arguments args) {
  inbound_id id{consumers_.epoch(), delivery_tag};
  if (const auto* quick = quick_run(*c.entry, args)) return answer(id, (*quick)(std::move(args)));
  auto deadline = c.entry->policy.bounded(never, core_.now);
  if (deadline != never) deadlines_.push(deadline, id);
  auto weight = std::min<std::uint64_t>(weight_of(args), core_.options.limits.pickle.memory_bytes);
  auto stop = calls_.at(delivery_tag).stop.get_token();
  auto reservation = reserve(static_cast<std::size_t>(weight));
  core_.tell(
    execute_call{id, c.entry, std::move(args), deadline, std::move(stop), std::move(reservation)});
}

inbound_calls::table::iterator inbound_calls::find(const inbound_id& id) {
  return id.epoch == consumers_.epoch() ? calls_.find(id.delivery_tag) : calls_.end();
}

void inbound_calls::answer(const inbound_id& id, const result<value>& outcome) {
  auto at = find(id);
  if (at == calls_.end()) return;
  finish(at, write_reply(outcome, core_.options.types, core_.max_body_bytes));
}

void inbound_calls::answer_pickled(const inbound_id& id, result<std::string> pickled) {
  auto at = find(id);
  if (at == calls_.end()) return;
  finish(at, write_reply(std::move(pickled), core_.options.types, core_.max_body_bytes));
}

void inbound_calls::finish(table::iterator at, reply_body body) {
  auto ended = calls_.extract(at);
  deadlines_.settled(1);
  ended.mapped().stop.request_stop();
  waiting_reply reply{ended.key(), std::move(ended.mapped()), std::move(body)};
  if (waiting_.empty() && core_.has_room()) return publish(reply);
  waiting_bytes_ += reply.body.bytes.size();
  waiting_.push_back(std::move(reply));
}

void inbound_calls::send_waiting() {
  for (; can_send(); waiting_.pop_front()) {
    waiting_bytes_ -= waiting_.front().body.bytes.size();
    publish(waiting_.front());
  }
}

void inbound_calls::publish(const waiting_reply& reply) {
  const auto& c = reply.to;
  sent_reply sent{reply.delivery_tag, c.is_redelivered, c.is_acknowledged};
  if (c.reply_to.empty()) return settle(sent, true);
  auto message_id = core_.ids.hex();
  properties p{.content_type = "application/python-pickle",
               .headers = "",
               .delivery_mode = c.delivery_mode,
               .priority = std::uint8_t{0},
               .message_id = message_id,
               .timestamp = core_.unix_seconds(),
               .type = reply.body.type};
  if (c.correlation_id) p.correlation_id = *c.correlation_id;
  core_.link->publish(serve_channel, {.routing_key = c.reply_to}, p, reply.body.bytes);
  unconfirmed_.emplace(++last_reply_, sent);
}

void inbound_calls::cancel(const call_key& key) {
  auto id = to_text(key);
  auto is_meant = [&](const auto& each) { return each.second.correlation_id == id; };
  auto at = std::ranges::find_if(calls_, is_meant);
  if (at == calls_.end()) cancelled_.add(key);
  else at->second.stop.request_stop();
}

void inbound_calls::handle_confirm(std::uint64_t tag, bool multiple, bool is_ack) {
  auto first = multiple ? unconfirmed_.begin() : unconfirmed_.find(tag);
  while (first != unconfirmed_.end() && first->first <= tag) {
    auto reply = first->second;
    first = unconfirmed_.erase(first);
    settle(reply, is_ack);
    if (!multiple) return;
  }
}

// If the server did not take over a reply, the call comes again, and its caller gets an answer
// then. A call that came again already is acknowledged, so that it cannot go round forever.
void inbound_calls::settle(const sent_reply& reply, bool is_ack) {
  if (!is_ack) {
    ++core_.counts.lost_replies;
    core_.tell(log_line{"RabbitMQ failed to take over a reply"});
  }
  if (reply.is_acknowledged) return;
  if (is_ack || reply.is_redelivered) return acknowledge(reply.delivery_tag);
  core_.send(serve_channel, basic_nack{.delivery_tag = reply.delivery_tag, .requeue = true});
}

void inbound_calls::acknowledge(std::uint64_t delivery_tag) {
  core_.send(serve_channel, basic_ack{.delivery_tag = delivery_tag});
}

void inbound_calls::lose() {
  for (auto& [tag, c] : calls_) c.stop.request_stop();
  calls_.clear();
  waiting_.clear();
  waiting_bytes_ = 0;
  unconfirmed_.clear();
  deadlines_ = {};
  last_reply_ = 0;
}

void inbound_calls::expire() {
  while (auto id = deadlines_.pop_due(core_.now))
    answer(*id, fail(errc::timeout, "the function's own time limit is over"));
  deadlines_.purge([this](const inbound_id& id) { return find(id) != calls_.end(); });
}

} // namespace patio::amqp
