#include <algorithm>
#include <charconv>

#include "amqp/fake_rabbitmq.hpp"

// The queues' side: declarations, routing, delivery, acknowledgement and expiry.
namespace patio::tests {

using namespace amqp;

void fake_rabbitmq::declare(client from, channel_number n, const queue_declare& m) {
  std::string name{m.queue};
  if (unavailable.contains(name)) {
    auto text = "NOT_FOUND - home node 'rabbit@b' of durable queue '" + name + "' is down";
    send(from, n, channel_close{{404, text, queue_declare::id}});
    return drop_channel(from, n);
  }
  if (timeouts > 0 && n == 3) { // the channel of the served functions
    --timeouts;
    send(from, n, channel_close{{406, "PRECONDITION_FAILED - delivery ack timed out", {}}});
    return drop_channel(from, n);
  }
  auto found = queues_.find(name);
  if (found == queues_.end()) {
    queues_[name] = {m.durable, m.exclusive, m.auto_delete, from, std::string{m.arguments}, {}, {},
                     0};
    return send(from, n, queue_declare_ok{.queue = m.queue});
  }
  const auto& q = found->second;
  if (m.passive) return send(from, n, queue_declare_ok{.queue = m.queue});
  auto refuse = [&](const std::string& what) {
    auto text =
      "PRECONDITION_FAILED - inequivalent arg '" + what + "' for queue '" + name + "' in vhost '/'";
    send(from, n, channel_close{{406, text, queue_declare::id}});
    drop_channel(from, n);
  };
  if (q.exclusive && q.owner != from) {
    send(from, n, channel_close{{405, "RESOURCE_LOCKED", queue_declare::id}});
    return drop_channel(from, n);
  }
  if (q.durable != m.durable) return refuse("durable");
  if (q.auto_delete != m.auto_delete) return refuse("auto_delete");
  if (q.arguments != m.arguments) return refuse("x-dead-letter-exchange");
  send(from, n, queue_declare_ok{.queue = m.queue});
}

void fake_rabbitmq::bind(client from, channel_number n, const queue_bind& m) {
  if (vanish_exchange > 0) {
    --vanish_exchange;
    has_exchange_ = false;
  }
  if (!has_exchange_) {
    send(from, n,
         channel_close{{404, "NOT_FOUND - no exchange 'rpc.dlx' in vhost '/'", queue_bind::id}});
    return drop_channel(from, n);
  }
  auto match = read_table(m.arguments).value();
  if (const auto* sender = find(match, "From"))
    bindings_[std::string{text_of(*sender)}] = std::string{m.queue};
  else cancellable_.emplace(m.queue);
  send(from, n, queue_bind_ok{});
}

void fake_rabbitmq::consume(client from, channel_number n, const basic_consume& m) {
  auto found = queues_.find(std::string{m.queue});
  if (found == queues_.end()) {
    send(from, n, channel_close{{404, "NOT_FOUND - no queue", basic_consume::id}});
    return drop_channel(from, n);
  }
  found->second.consumers.push_back({from, n, std::string{m.consumer_tag}, m.no_ack});
  send(from, n, basic_consume_ok{{m.consumer_tag}});
  pump(found->first);
}

void fake_rabbitmq::cancel(client from, channel_number n, const basic_cancel& m) {
  for (auto& [name, q] : queues_)
    std::erase_if(q.consumers, [&](const consumer& c) {
      return c.owner == from && c.channel == n && c.tag == m.consumer_tag;
    });
  send(from, n, basic_cancel_ok{{m.consumer_tag}});
}

void fake_queues::remove_consumers(client from, channel_number n) {
  for (const auto& name : queue_names()) {
    auto& q = queues_.at(name);
    auto gone = std::erase_if(q.consumers,
                              [&](const consumer& c) { return c.owner == from && c.channel == n; });
    if (gone > 0 && q.consumers.empty() && q.auto_delete) remove_queue(name);
  }
}

void fake_queues::remove_queue(const std::string& name) {
  queues_.erase(name);
  std::erase_if(bindings_, [&](const auto& b) { return b.second == name; });
  cancellable_.erase(name);
  if (bindings_.empty()) has_exchange_ = false;
}

void fake_queues::delete_queue(const std::string& name) {
  auto found = queues_.find(name);
  if (found == queues_.end()) return;
  auto consumers = found->second.consumers;
  remove_queue(name);
  for (const auto& c : consumers)
    send(c.owner, c.channel, basic_cancel{.consumer_tag = c.tag, .no_wait = true});
}

void fake_queues::settle(client from, channel_number n, std::uint64_t tag, bool requeues) {
  auto& ch = clients_.at(from)->channels.at(n);
  auto done = ch.unacked.extract(tag);
  if (done.empty()) {
    send(from, n, channel_close{{406, "PRECONDITION_FAILED - unknown delivery tag", {}}});
    return drop_channel(from, n);
  }
  auto name = done.mapped().queue;
  if (requeues) requeue(std::move(done.mapped()));
  pump(name);
}

void fake_queues::requeue(unacknowledged_message lost) {
  auto found = queues_.find(lost.queue);
  if (found == queues_.end()) return;
  lost.message.redelivered = true;
  found->second.messages.push_front(std::move(lost.message));
}

// The only messages that nodes publish to the exchange for dead letters.
void fake_rabbitmq::publish_cancellation(client from, channel_number n, instant now) {
  auto& ch = clients_.at(from)->channels.at(n);
  if (forbids_exchange || !has_exchange_) {
    auto code = static_cast<std::uint16_t>(forbids_exchange ? 403 : 404);
    send(from, n, channel_close{{code, "no such luck", basic_publish::id}});
    return drop_channel(from, n);
  }
  for (const auto& name : std::set{cancellable_}) {
    (void)route(name, {ch.header, ch.body, "rpc.dlx", ""}, now);
    pump(name);
  }
}

void fake_rabbitmq::publish(client from, channel_number n, instant now) {
  auto& ch = clients_.at(from)->channels.at(n);
  ch.in_content = false;
  auto parsed = read_method(ch.publish).value();
  const auto& m = std::get<basic_publish>(parsed);
  if (m.exchange == "rpc.dlx") return publish_cancellation(from, n, now);
  if (ch.body.size() > max_message_size) {
    auto text = "PRECONDITION_FAILED - message size " + std::to_string(ch.body.size())
                + " is larger than configured max size " + std::to_string(max_message_size);
    send(from, n, channel_close{{406, text, basic_publish::id}});
    return drop_channel(from, n);
  }
  queued_message message{ch.header, ch.body, std::string{m.exchange}, std::string{m.routing_key}};
  if (keeps_published) published.push_back(message);
  ++ch.published;
  if (nacks > 0) {
    --nacks;
    return send(from, n, basic_nack{.delivery_tag = ch.published});
  }
  auto name = message.routing_key;
  if (!route(name, message, now) && m.mandatory) {
    auto& out = clients_.at(from)->output;
    put_method(out, n, basic_return{312, "NO_ROUTE", m.exchange, m.routing_key});
    put_content(out, n, message.properties(), message.body, 131'072);
  }
  ch.unconfirmed = ch.published;
  pump(name);
}

bool fake_queues::route(const std::string& name, queued_message m, instant now) {
  auto found = queues_.find(name);
  if (found == queues_.end()) return false;
  if (auto text = m.properties().expiration) {
    std::int64_t ms = 0;
    std::from_chars(text->data(), text->data() + text->size(), ms);
    m.expires = after(now, std::chrono::milliseconds{ms});
  }
  found->second.messages.push_back(std::move(m));
  return true;
}

void fake_queues::put(const std::string& name, const properties& p, std::string_view body) {
  std::string frames;
  put_content(frames, 1, p, {}, 131'072);
  auto header = frames.substr(7, frames.size() - 8);
  for (int i = 0; i < 8; ++i)
    header[4 + static_cast<std::size_t>(i)] = static_cast<char>(body.size() >> (56 - 8 * i));
  (void)route(name, {header, std::string{body}, "", name}, now_);
  pump(name);
}

// RabbitMQ confirms several messages at once if they come together.
void fake_rabbitmq::confirm(client from) {
  for (auto& [n, ch] : clients_.at(from)->channels)
    if (auto tag = std::exchange(ch.unconfirmed, 0); tag > 0 && ch.confirms)
      send(from, n, basic_ack{.delivery_tag = tag, .multiple = true});
}

bool fake_queues::has_room(const consumer& c) {
  if (c.no_ack) return true;
  const auto& ch = clients_.at(c.owner)->channels.at(c.channel);
  auto held =
    std::ranges::count_if(ch.unacked, [&](const auto& u) { return u.second.tag == c.tag; });
  return ch.prefetch == 0 || held < ch.prefetch;
}

void fake_queues::pump(const std::string& name) {
  auto found = queues_.find(name);
  if (found == queues_.end()) return;
  auto& q = found->second;
  for (std::size_t full = 0; full < q.consumers.size() && !q.messages.empty();) {
    auto& next = q.consumers[q.turn++ % q.consumers.size()];
    if (!has_room(next)) {
      ++full;
      continue;
    }
    full = 0;
    auto m = std::move(q.messages.front());
    q.messages.pop_front();
    deliver(name, next, std::move(m));
  }
}

void fake_queues::deliver(const std::string& name, consumer& to, queued_message m) {
  auto& c = *clients_.at(to.owner);
  auto& ch = c.channels.at(to.channel);
  auto tag = ++ch.delivered;
  put_method(c.output, to.channel,
             basic_deliver{to.tag, tag, m.redelivered, m.exchange, m.routing_key});
  put_content(c.output, to.channel, m.properties(), m.body, 131'072);
  if (!to.no_ack) ch.unacked[tag] = {name, to.tag, std::move(m)};
}

void fake_queues::tick(instant now) {
  now_ = now;
  for (auto& [id, c] : clients_)
    if (c->is_open) frame_writer{c->output, frame_type::heartbeat, 0};
  for (const auto& name : queue_names()) {
    auto found = queues_.find(name);
    while (found != queues_.end() && !found->second.messages.empty()
           && found->second.messages.front().expires <= now) {
      auto late = std::move(found->second.messages.front());
      found->second.messages.pop_front();
      dead_letter(name, std::move(late));
    }
  }
}

void fake_queues::dead_letter(const std::string& name, queued_message m) {
  auto p = m.properties();
  auto headers = read_table(p.headers.value_or("")).value();
  const auto* from = find(headers, "From");
  auto bound = from ? bindings_.find(std::string{text_of(*from)}) : bindings_.end();
  if (bound == bindings_.end() || !has_exchange_) return; // the message vanishes
  table death{
    {"count", {std::int64_t{1}}}, {"reason", {std::string{"expired"}}}, {"queue", {name}}};
  headers.push_back({"x-death", {array{field{death}}}});
  headers.push_back({"x-first-death-reason", {std::string{"expired"}}});
  auto bytes = encoded(headers);
  p.headers = bytes;
  p.expiration = {};
  std::string frames;
  put_content(frames, 1, p, m.body, 131'072);
  std::string header;
  {
    frame_reader reader{131'072};
    reader.feed(frames);
    header = reader.next().value()->payload;
  }
  (void)route(bound->second, {header, m.body, "rpc.dlx", name}, now_);
  pump(bound->second);
}

} // namespace patio::tests
