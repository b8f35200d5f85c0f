#include <patio/amqp/outbound_calls.hpp>

#include <algorithm>
#include <utility>

#include <patio/amqp/bodies.hpp>
#include <patio/base/utf8.hpp>
#include <patio/protocol/timeout.hpp>
#include <patio/value/repr.hpp>

namespace patio::amqp {
namespace {

/// Returns decimal milliseconds of whole seconds, rounded up, as the Python plugin does.
std::string expiration_of(std::chrono::nanoseconds left) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(left).count() * 1000);
}

} // namespace

result<void> outbound_calls::check(const call_request& request) const {
  const auto& name = request.function;
  const auto& limits = core_.options.limits;
  if (name.empty() || name.size() > max_short_string || !is_utf8(name) || name.starts_with("amq.")
      || name.find('\0') != std::string::npos)
    return fail(errc::invalid,
                quoted(name)
                  + " cannot be the name of a function at RabbitMQ: a name has 1 to 255 "
                    "bytes of UTF-8 and does not begin with 'amq.'");
  if (request.args.keywords.size() > limits.keywords_per_call)
    return fail(errc::invalid, limit::keywords_per_call,
                "the call has " + std::to_string(request.args.keywords.size())
                  + " keyword arguments");
  if (calls_.size() >= limits.waiting_calls)
    return fail(errc::overloaded, limit::waiting_calls,
                std::to_string(calls_.size()) + " calls wait for an answer or for RabbitMQ");
  if (unconfirmed_.size() >= limits.waiting_calls) // calls that have ended are among these
    return fail(errc::overloaded, limit::waiting_calls,
                "RabbitMQ has not confirmed " + std::to_string(unconfirmed_.size()) + " calls");
  return {};
}

result<outbound_calls::call> outbound_calls::prepare(std::uint64_t token,
                                                     const call_request& request) {
  if (auto ok = check(request); !ok) return tl::unexpected(std::move(ok.error()));
  auto deadline = deadline_of(request.timeout, core_.now, core_.options.limits.longest_timeout);
  if (!deadline) return fail(errc::invalid, to_str(deadline.error().exception));
  if (*deadline <= core_.now)
    return fail(errc::timeout, remedy::repetition,
                "no time was left to send " + quoted(request.function));
  auto body = write_call(request.args, core_.options.types, core_.max_body_bytes);
  if (!body) return tl::unexpected(std::move(body.error()));
  call c;
  c.token = token;
  c.deadline = *deadline;
  c.name = request.function;
  c.body = std::move(*body);
  bool must_wait = !can_publish();
  if (must_wait && waiting_bytes_ + c.body.size() > core_.options.limits.write_buffer_bytes)
    return fail(errc::overloaded, limit::write_buffer_bytes,
                std::to_string(waiting_bytes_) + " bytes of calls wait for RabbitMQ");
  return c;
}

call_key outbound_calls::begin(std::uint64_t token, const call_request& request) {
  auto key = core_.ids.next_call();
  auto prepared = prepare(token, request);
  if (!prepared) {
    core_.tell(call_finished{token, tl::unexpected(std::move(prepared.error()))});
    return key;
  }
  auto at = calls_.emplace(key, std::move(*prepared)).first;
  try {
    publish_or_wait(key, at->second);
  } catch (...) {
    bool waits = !at->second.is_published && !waiting_.empty() && waiting_.back() == key;
    if (waits) {
      --waiting_calls_;
      waiting_bytes_ -= at->second.body.size();
    }
    calls_.erase(at);
    throw;
  }
  return key;
}

void outbound_calls::publish_or_wait(const call_key& key, call& c) {
  publish_waiting(); // earlier calls go first
  if (can_publish()) publish(key, c);
  else wait(key, c);
  if (auto due = std::min(c.deadline, c.patience); due != never) deadlines_.push(due, key);
}

// While RabbitMQ refuses messages, only the call's own deadline ends its wait.
void outbound_calls::wait(const call_key& key, call& c) {
  c.patience = after(core_.now, core_.options.limits.route_timeout);
  waiting_.push_back(key); // first, because it may throw
  ++waiting_calls_;
  waiting_bytes_ += c.body.size();
}

void outbound_calls::publish(const call_key& key, call& c) {
  auto id = to_text(key);
  auto message_id = core_.ids.hex();
  std::string expiration;
  if (c.deadline != never) expiration = expiration_of(c.deadline - core_.now);
  properties p{.content_type = "application/python-pickle",
               .headers = topology_.call_headers(),
               .delivery_mode = std::uint8_t{1},
               .priority = std::uint8_t{5},
               .correlation_id = id,
               .reply_to = topology_.result_queue(),
               .message_id = message_id,
               .timestamp = core_.unix_seconds(),
               .type = "call"};
  if (c.deadline != never) p.expiration = expiration;
  c.begins_at = core_.link->position();
  core_.link->publish(calls_channel, {.routing_key = c.name, .mandatory = true}, p, c.body);
  c.is_published = true;
  c.patience = never;
  unconfirmed_.emplace(++last_tag_, key);
  std::string{}.swap(c.body);
}

void outbound_calls::publish_waiting() {
  for (; can_send(); waiting_.pop_front()) {
    auto at = calls_.find(waiting_.front());
    if (at == calls_.end() || at->second.is_published) continue;
    auto& c = at->second;
    if (c.deadline <= core_.now) continue; // expire() ends it
    auto bytes = c.body.size();
    publish(at->first, c); // may throw; the call still waits then
    --waiting_calls_;
    waiting_bytes_ -= bytes;
    if (c.deadline != never) deadlines_.push(c.deadline, at->first);
  }
}

void outbound_calls::set_blocked(bool is_blocked) {
  is_blocked_ = is_blocked;
  publish_waiting();
}

void outbound_calls::cancel(const call_key& key) {
  if (auto at = calls_.find(key); at != calls_.end()) give_up(at, {errc::cancelled, {}, {}});
}

void outbound_calls::give_up(table::iterator at, error why) {
  auto key = at->first;
  bool is_published = at->second.is_published;
  finish(at, tl::unexpected(std::move(why)));
  if (is_published) cancels_.publish(key);
}

error outbound_calls::end_of_wait(const call& c) const {
  auto name = quoted(c.name);
  std::string reason = trouble_.empty() ? "RabbitMQ has not answered yet" : trouble_;
  if (topology_.can_call()) reason = "RabbitMQ does not read fast enough";
  else reason.insert(0, "RabbitMQ is not connected: ");
  if (is_blocked_) reason = "RabbitMQ accepts no messages (memory or disk alarm)";
  if (c.deadline > core_.now) return {errc::not_sent, name + " was not sent: " + reason, {}};
  error late{errc::timeout, name + " could not be sent in time: " + reason, {}};
  late.remedy = remedy::repetition;
  return late;
}

void outbound_calls::expire() {
  while (auto key = deadlines_.pop_due(core_.now)) {
    auto at = calls_.find(*key);
    if (at == calls_.end()) continue;
    auto& c = at->second;
    if (c.deadline > core_.now && (c.is_published || c.patience > core_.now)) continue;
    bool waits_for_alarm = is_blocked_ && !c.is_published && c.deadline > core_.now;
    if (waits_for_alarm) {
      c.patience = after(core_.now, core_.options.limits.route_timeout);
      deadlines_.push(std::min(c.deadline, c.patience), *key);
      continue;
    }
    if (!c.is_published) finish(at, tl::unexpected(end_of_wait(c)));
    else
      give_up(at, {errc::timeout,
                   "no answer to " + quoted(c.name) + " by RabbitMQ; the function may have run",
                   {}});
  }
  deadlines_.purge([this](const call_key& key) { return calls_.contains(key); });
}

void outbound_calls::handle_reply(const message_arrived& message) {
  auto key = parse_call_key(message.properties.correlation_id.value_or(""));
  auto at = key ? calls_.find(*key) : calls_.end();
  if (at == calls_.end() || !at->second.is_published) {
    ++core_.counts.unexpected_replies;
    return;
  }
  auto& c = at->second;
  auto type = message.properties.type.value_or("");
  if (type == "call") return finish(at, tl::unexpected(dead_letter(c, message)));
  if (message.is_too_large)
    return finish(at, fail(errc::undecodable, limit::frame_bytes,
                           "the reply has " + std::to_string(message.size) + " bytes"));
  auto outcome = read_reply(type, message.body, core_.options.limits, core_.options.types);
  if (!outcome && is_timeout(outcome.error()) && c.deadline <= core_.now)
    outcome = fail(errc::timeout, "the server reported the timeout");
  if (!outcome && outcome.error().code != errc::remote_error)
    outcome.error().contexts.push_back(quoted(c.name));
  finish(at, std::move(outcome));
}

// RabbitMQ moves a call into the result queue when the call has waited too long, when a server has
// rejected it, or when its queue is full. A full queue drops its first call, which may have come
// back from a server that was lost after it had run the call. Classic queues do not tell.
error outbound_calls::dead_letter(const call& c, const message_arrived& message) const {
  auto headers = read_table(message.properties.headers.value_or(""));
  std::string_view reason;
  if (headers)
    if (const auto* first = find(*headers, "x-first-death-reason")) reason = text_of(*first);
  auto name = quoted(c.name);
  if (reason == "expired")
    return {errc::timeout, "no server took " + name + " to its end in time; it may have run", {}};
  if (reason == "maxlen")
    return {errc::maybe_executed,
            "the queue of " + name
              + " is full and has dropped the call; a server that was lost may have run it",
            {}};
  return {errc::maybe_executed,
          "a server gave " + name + " back (" + quoted(reason) + "); it may have run",
          {}};
}

void outbound_calls::handle_return(const message_arrived& message) {
  auto key = parse_call_key(message.properties.correlation_id.value_or(""));
  auto at = key ? calls_.find(*key) : calls_.end();
  if (at != calls_.end())
    finish(at, fail(errc::no_route, "RabbitMQ has no queue " + quoted(at->second.name)));
}

void outbound_calls::handle_confirm(std::uint64_t tag, bool multiple, bool is_ack) {
  auto refuse = [this](const call_key& key) {
    auto at = calls_.find(key);
    if (at != calls_.end())
      finish(at, fail(errc::maybe_executed,
                      "RabbitMQ failed to take over the call of " + quoted(at->second.name)));
  };
  auto first = multiple ? unconfirmed_.begin() : unconfirmed_.find(tag);
  while (first != unconfirmed_.end() && first->first <= tag) {
    auto key = first->second;
    first = unconfirmed_.erase(first);
    if (!is_ack) refuse(key);
    if (!multiple) return;
  }
}

void outbound_calls::channel_lost(const std::string& why) {
  auto lost = std::exchange(unconfirmed_, {});
  last_tag_ = 0;
  for (const auto& [tag, key] : lost)
    if (auto at = calls_.find(key); at != calls_.end())
      finish(at,
             tl::unexpected(in_context(quoted(at->second.name), {errc::maybe_executed, why, {}})));
}

void outbound_calls::lose(const error& why, std::uint64_t sent) {
  unconfirmed_.clear();
  last_tag_ = 0;
  is_blocked_ = false;
  trouble_ = text_of(why);
  for (auto at = calls_.begin(); at != calls_.end();) {
    auto next = std::next(at);
    const auto& c = at->second;
    auto code = c.begins_at >= sent ? errc::not_sent : errc::maybe_executed;
    if (c.is_published)
      finish(at, tl::unexpected(in_context(quoted(c.name), {code, trouble_, {}})));
    at = next;
  }
}

void outbound_calls::fail_all(const error& why) {
  while (!calls_.empty()) finish(calls_.begin(), tl::unexpected(why));
  waiting_.clear();
}

void outbound_calls::finish(table::iterator at, result<value> outcome) {
  const auto& c = at->second;
  core_.tell(call_finished{c.token, std::move(outcome)});
  bool has_waited = !c.is_published;
  if (has_waited) {
    --waiting_calls_;
    waiting_bytes_ -= c.body.size();
  }
  if (c.deadline != never || has_waited) deadlines_.settled(1);
  calls_.erase(at);
  if (has_waited) compact_waiting();
}

void outbound_calls::compact_waiting() {
  if (waiting_.size() <= 2 * waiting_calls_ + 64) return;
  std::erase_if(waiting_, [this](const call_key& key) { return !calls_.contains(key); });
}

} // namespace patio::amqp
