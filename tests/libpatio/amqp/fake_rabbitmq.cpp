#include "amqp/fake_rabbitmq.hpp"

#include <algorithm>
#include <stdexcept>

// The connection's side: frames, the handshake and the methods of channels.
namespace patio::tests {

using namespace amqp;

fake_rabbitmq::client fake_rabbitmq::connect() {
  clients_[++last_client_] = std::make_unique<connection>();
  return last_client_;
}

std::string fake_rabbitmq::take_output(client to) {
  if (auto closed = last_output_.extract(to)) return std::move(closed.mapped());
  auto found = clients_.find(to);
  return found == clients_.end() ? std::string{} : std::exchange(found->second->output, {});
}

void fake_rabbitmq::receive(client from, std::string_view bytes, instant now) {
  now_ = now;
  auto found = clients_.find(from);
  if (found == clients_.end() || !answers_handshake) return;
  auto& c = *found->second;
  c.input += bytes;
  if (c.is_open && !reads_channels) return;
  if (!c.has_header && c.input.size() < protocol_header.size()) return;
  auto taken = std::exchange(c.input, {});
  std::string_view rest = taken;
  if (!c.has_header) {
    if (!rest.starts_with(protocol_header)) throw std::runtime_error{"no protocol header"};
    rest.remove_prefix(protocol_header.size());
    c.has_header = true;
    send(from, 0, connection_start{.mechanisms = "PLAIN AMQPLAIN", .locales = "en_US"});
  }
  c.reader.feed(rest);
  while (clients_.contains(from)) {
    auto f = c.reader.next();
    if (!f) throw std::runtime_error{f.error().message};
    if (!*f) break;
    handle(from, **f, now);
  }
  if (clients_.contains(from)) confirm(from);
}

void fake_rabbitmq::handle(client from, const frame& f, instant now) {
  if (f.type == frame_type::heartbeat) return;
  if (f.type != frame_type::method) return handle_content(from, f.channel, f, now);
  auto m = read_method(f.payload);
  if (!m) throw std::runtime_error{m.error().message};
  if (f.channel == 0) return handle_connection(from, *m);
  if (const auto* p = std::get_if<basic_publish>(&*m)) {
    auto& c = *clients_.at(from);
    auto found = c.channels.find(f.channel);
    if (found == c.channels.end()) return; // the server has closed the channel
    found->second.publish.assign(f.payload);
    found->second.in_content = true;
    (void)p;
    return;
  }
  handle_channel(from, f.channel, *m, now);
}

void fake_rabbitmq::handle_login(client from, const connection_start_ok& m) {
  auto wanted = std::string{"\0guest\0", 7} + password;
  if (m.response == wanted)
    return send(from, 0,
                connection_tune{.channel_max = 2047, .frame_max = 131'072, .heartbeat = 60});
  send(from, 0, connection_close{{403, "ACCESS_REFUSED - Login was refused", {}}});
}

void fake_rabbitmq::handle_connection(client from, const method& m) {
  if (const auto* ok = std::get_if<connection_start_ok>(&m)) return handle_login(from, *ok);
  if (std::holds_alternative<connection_open>(m)) {
    clients_.at(from)->is_open = true;
    return send(from, 0, connection_open_ok{});
  }
  if (std::holds_alternative<connection_close>(m)) {
    send(from, 0, connection_close_ok{});
    last_output_[from] = std::move(clients_.at(from)->output);
    return disconnect(from, now_);
  }
  if (std::holds_alternative<connection_close_ok>(m)) {
    last_output_[from] = std::move(clients_.at(from)->output);
    disconnect(from, now_);
  }
}

void fake_rabbitmq::handle_channel(client from, channel_number n, const method& m, instant) {
  auto& c = *clients_.at(from);
  if (std::holds_alternative<channel_open>(m)) {
    c.channels[n] = {};
    return send(from, n, channel_open_ok{});
  }
  auto found = c.channels.find(n);
  if (found == c.channels.end()) return; // the server has closed the channel
  auto& ch = found->second;
  if (std::holds_alternative<confirm_select>(m)) {
    ch.confirms = true;
    send(from, n, confirm_select_ok{});
  } else if (const auto* qos = std::get_if<basic_qos>(&m)) {
    ch.prefetch = qos->prefetch_count;
    send(from, n, basic_qos_ok{});
  } else if (const auto* d = std::get_if<queue_declare>(&m)) {
    declare(from, n, *d);
  } else if (std::holds_alternative<exchange_declare>(m)) {
    has_exchange_ = true;
    send(from, n, exchange_declare_ok{});
  } else if (const auto* b = std::get_if<queue_bind>(&m)) {
    bind(from, n, *b);
  } else if (const auto* s = std::get_if<basic_consume>(&m)) {
    consume(from, n, *s);
  } else if (const auto* x = std::get_if<basic_cancel>(&m)) {
    cancel(from, n, *x);
  } else if (const auto* a = std::get_if<basic_ack>(&m)) {
    settle(from, n, a->delivery_tag, false);
  } else if (const auto* k = std::get_if<basic_nack>(&m)) {
    settle(from, n, k->delivery_tag, k->requeue);
  }
}

void fake_rabbitmq::handle_content(client from, channel_number n, const frame& f, instant now) {
  auto& c = *clients_.at(from);
  auto found = c.channels.find(n);
  if (found == c.channels.end() || !found->second.in_content) return;
  auto& ch = found->second;
  if (f.type == frame_type::header) {
    ch.header.assign(f.payload);
    ch.body.clear();
    ch.missing = read_content_header(ch.header).value().body_size;
  } else {
    ch.body += f.payload;
    ch.missing -= f.payload.size();
  }
  if (ch.missing == 0) publish(from, n, now);
}

void fake_queues::close_channel(client c, channel_number n, std::uint16_t code,
                                const std::string& text) {
  auto found = clients_.find(c);
  if (found == clients_.end() || !found->second->channels.contains(n)) return;
  send(c, n, channel_close{{code, text, {}}});
  drop_channel(c, n);
}

void fake_queues::drop_channel(client from, channel_number n) {
  remove_consumers(from, n);
  auto& c = *clients_.at(from);
  auto gone = c.channels.extract(n);
  if (gone.empty()) return;
  auto& lost = gone.mapped().unacked;
  for (auto each = lost.rbegin(); each != lost.rend(); ++each) requeue(std::move(each->second));
  for (const auto& name : queue_names()) pump(name);
}

void fake_rabbitmq::disconnect(client from, instant now) {
  now_ = now;
  auto found = clients_.find(from);
  if (found == clients_.end()) return;
  std::vector<channel_number> numbers;
  for (const auto& [n, ch] : found->second->channels) numbers.push_back(n);
  for (auto n : numbers) drop_channel(from, n);
  for (const auto& name : queue_names()) {
    auto q = queues_.find(name);
    if (q != queues_.end() && q->second.exclusive && q->second.owner == from) remove_queue(name);
  }
  clients_.erase(from);
}

void fake_rabbitmq::restart() {
  clients_.clear();
  last_output_.clear();
  queues_.clear();
  bindings_.clear();
  cancellable_.clear();
  has_exchange_ = is_blocked_ = false;
}

void fake_rabbitmq::set_blocked(bool is_blocked) {
  if (is_blocked_ == is_blocked) return;
  is_blocked_ = is_blocked;
  for (auto& [id, c] : clients_) {
    if (!c->is_open) continue;
    if (is_blocked) send(id, 0, connection_blocked{"low on memory"});
    else send(id, 0, connection_unblocked{});
  }
}

std::vector<std::string> fake_queues::queue_names() const {
  std::vector<std::string> names;
  for (const auto& [name, q] : queues_) names.push_back(name);
  return names;
}

std::size_t fake_queues::ready(const std::string& name) const {
  auto found = queues_.find(name);
  return found == queues_.end() ? 0 : found->second.messages.size();
}

std::size_t fake_queues::unacknowledged() const {
  std::size_t sum = 0;
  for (const auto& [id, c] : clients_)
    for (const auto& [n, ch] : c->channels) sum += ch.unacked.size();
  return sum;
}

} // namespace patio::tests
