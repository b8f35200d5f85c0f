#include <patio/amqp/cancellation.hpp>

#include <patio/value/repr.hpp>

namespace patio::amqp {

void cancellation::publish(const call_key& key) {
  if (!topology_.can_receive() || state_ == state::refused) return;
  if (state_ == state::unused) {
    if (!core_.link->open_channel(cancel_channel)) return;
    state_ = state::opening;
  }
  auto id = to_text(key);
  properties p{.headers = cancellation_headers(),
               .delivery_mode = std::uint8_t{1},
               .correlation_id = id,
               .type = cancellation_type};
  core_.link->publish(cancel_channel, {.exchange = dead_letter_exchange}, p, {});
}

result<void> cancellation::handle(const method_arrived& arrived) {
  if (state_ != state::opening || id_of(arrived.method) != channel_open_ok::id)
    return fail(errc::protocol,
                "the server sent " + std::string{name_of(arrived.method)} + " at a wrong time");
  state_ = state::open;
  return {};
}

void cancellation::handle(const channel_closed& closed) {
  state_ = state::refused;
  core_.tell(log_line{"RabbitMQ does not let this node cancel calls at their servers: "
                      + std::to_string(closed.code) + " " + quoted(closed.text)});
}

void cancelled_calls::add(const call_key& key) {
  if (!keys_.insert(key).second) return;
  order_.push_back(key);
  if (order_.size() <= max_size) return;
  keys_.erase(order_.front());
  order_.pop_front();
}

} // namespace patio::amqp
