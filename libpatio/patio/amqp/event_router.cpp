#include <patio/amqp/event_router.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

#include <patio/value/repr.hpp>

namespace patio::amqp {

void event_router::handle(const connection_event& event) {
  std::visit([this](const auto& e) { handle(e); }, event);
}

void event_router::handle(const connection_opened&) { topology_.begin(); }

void event_router::handle(const method_arrived& event) {
  if (event.channel == serve_channel) return handle_serve_channel(event);
  if (event.channel == calls_channel) return handle_calls_channel(event);
  if (event.channel == cancel_channel) return check(cancels_.handle(event));
  if (event.channel == probe_channel) return check(consumers_.handle_probe(event.method));
  check(topology_.handle(event));
}

void event_router::handle_calls_channel(const method_arrived& event) {
  if (const auto* ack = std::get_if<basic_ack>(&event.method))
    return outbound_.handle_confirm(ack->delivery_tag, ack->multiple, true);
  if (const auto* nack = std::get_if<basic_nack>(&event.method))
    return outbound_.handle_confirm(nack->delivery_tag, nack->multiple, false);
  check(topology_.handle(event));
}

void event_router::handle_serve_channel(const method_arrived& event) {
  if (const auto* ack = std::get_if<basic_ack>(&event.method))
    return inbound_.handle_confirm(ack->delivery_tag, ack->multiple, true);
  if (const auto* nack = std::get_if<basic_nack>(&event.method))
    return inbound_.handle_confirm(nack->delivery_tag, nack->multiple, false);
  check(consumers_.handle(event.method));
}

void event_router::handle(const message_arrived& event) {
  bool is_delivery = std::holds_alternative<basic_deliver>(event.method);
  if (event.channel == serve_channel) inbound_.begin(event);
  else if (event.channel == results_channel && is_delivery) handle_result(event);
  else if (event.channel == calls_channel && !is_delivery) outbound_.handle_return(event);
}

void event_router::handle_result(const message_arrived& event) {
  if (event.properties.type != cancellation_type) return outbound_.handle_reply(event);
  if (auto key = parse_call_key(event.properties.correlation_id.value_or("")))
    inbound_.cancel(*key);
}

void event_router::handle(const channel_closed& event) {
  learn_limit(event.text);
  if (event.channel == cancel_channel) return cancels_.handle(event);
  if (event.channel == probe_channel) return consumers_.handle_probe(event);
  if (event.channel == serve_channel) {
    inbound_.lose();
    consumers_.handle(event);
    return note_progress();
  }
  if (event.channel == calls_channel)
    outbound_.channel_lost("RabbitMQ closed the channel: " + std::to_string(event.code) + " "
                           + event.text);
  check(topology_.handle(event));
}

void event_router::handle(const publishing_blocked& event) {
  if (event.is_blocked)
    core_.tell(log_line{"RabbitMQ accepts no messages: " + quoted(event.reason)});
  outbound_.set_blocked(event.is_blocked);
}

void event_router::handle(const connection_ended& event) { loss_ = event.why; }

void event_router::check(const result<void>& handled) {
  if (handled) return note_progress();
  core_.link->abandon();
  loss_ = handled.error();
}

// Serves only once the exchange for dead letters exists: a call that expires without it vanishes.
void event_router::note_progress() {
  if (ready_since_ != never || !topology_.can_receive()) return outbound_.publish_waiting();
  if (!std::exchange(is_serving_, true) && !core_.is_draining) consumers_.begin();
  if (!topology_.can_call()) return;
  outbound_.publish_waiting();
  if (!consumers_.is_settled()) return;
  ready_since_ = core_.now;
  core_.tell(server_ready{});
}

// RabbitMQ tells its limit only in the text with which it closes a channel: "message size 2097152
// is larger than configured max size 1048576".
void event_router::learn_limit(std::string_view reason) {
  constexpr std::string_view before = "larger than configured max size ";
  auto at = reason.find(before);
  if (at == std::string_view::npos) return;
  reason.remove_prefix(at + before.size());
  std::size_t bytes = 0;
  std::from_chars(reason.data(), reason.data() + reason.size(), bytes);
  if (bytes > 0) core_.max_body_bytes = std::min(core_.max_body_bytes, bytes);
}

} // namespace patio::amqp
