#include <patio/amqp/topology.hpp>

#include <array>
#include <utility>

#include <patio/amqp/reply_codes.hpp>

namespace patio::amqp {
namespace {

constexpr unsigned max_attempts = 5;

constexpr std::array calls_answers{channel_open_ok::id, confirm_select_ok::id};

table cancellation_table() { return {{"patio", {std::string{cancellation_type}}}}; }

/// Returns the arguments of a binding that matches any of the headers.
std::string match_of(table headers) {
  headers.push_back({"x-match", {std::string{"any"}}});
  return encoded(headers);
}

error channel_lost(const char* what, const channel_closed& closed) {
  return {errc::connect_failed,
          std::string{"RabbitMQ closed the channel of "} + what + ": " + std::to_string(closed.code)
            + " " + closed.text,
          {}};
}

} // namespace

const std::string& cancellation_headers() {
  static const auto headers = encoded(cancellation_table());
  return headers;
}

void topology::reset() {
  results_step_ = calls_step_ = 0;
  results_answers_.clear();
  attempts_ = 0;
  for (auto token : std::exchange(pings_, {}))
    core_.tell(ping_finished{token, fail(errc::not_sent, "the connection was lost")});
}

void topology::ping(std::uint64_t token) {
  if (!can_receive())
    return core_.tell(ping_finished{token, fail(errc::not_sent, "RabbitMQ is not connected")});
  core_.send(results_channel, queue_declare{.queue = result_queue_, .passive = true});
  pings_.push_back(token);
}

void topology::begin() {
  reset();
  result_queue_ = "amq_" + core_.ids.hex();
  consumer_tag_ = "ctag1." + core_.ids.hex();
  call_headers_ = encoded({{"From", {result_queue_}}});
  declare_results();
  open_calls();
}

// An exclusive queue: no other connection can consume from it, and RabbitMQ 4.3 accepts it. Sends
// everything at once; RabbitMQ answers in order. A node that serves also gets the cancellations of
// its callers.
void topology::declare_results() {
  ++attempts_;
  results_step_ = 0;
  auto& link = *core_.link;
  link.open_channel(results_channel);
  link.send(results_channel,
            queue_declare{.queue = result_queue_, .exclusive = true, .auto_delete = true});
  link.send(
    results_channel,
    exchange_declare{.exchange = dead_letter_exchange, .type = "headers", .auto_delete = true});
  results_answers_ = {channel_open_ok::id, queue_declare_ok::id, exchange_declare_ok::id};
  bind(match_of({{"From", {result_queue_}}}));
  if (!core_.functions.names().empty()) bind(match_of(cancellation_table()));
  link.send(results_channel, basic_consume{.queue = result_queue_,
                                           .consumer_tag = consumer_tag_,
                                           .no_ack = true,
                                           .exclusive = true});
  results_answers_.push_back(basic_consume_ok::id);
}

void topology::bind(const std::string& match) {
  core_.send(
    results_channel,
    queue_bind{.queue = result_queue_, .exchange = dead_letter_exchange, .arguments = match});
  results_answers_.push_back(queue_bind_ok::id);
}

void topology::open_calls() {
  calls_step_ = 0;
  core_.link->open_channel(calls_channel);
  core_.link->send(calls_channel, confirm_select{});
}

result<void> topology::handle(const method_arrived& arrived) {
  bool is_results = arrived.channel == results_channel;
  auto id = id_of(arrived.method);
  if (is_results && id == basic_cancel::id)
    return fail(errc::connect_failed, "RabbitMQ cancelled the consumer of the result queue");
  if (is_results && id == queue_declare_ok::id && !pings_.empty()) {
    core_.tell(ping_finished{pings_.front(), {}});
    pings_.pop_front();
    return {};
  }
  auto& step = is_results ? results_step_ : calls_step_;
  bool is_expected = is_results ? step < results_answers_.size() && id == results_answers_[step]
                                : step < calls_answers.size() && id == calls_answers[step];
  if (!is_expected)
    return fail(errc::protocol,
                "the server sent " + std::string{name_of(arrived.method)} + " at a wrong time");
  ++step;
  return {};
}

// The exchange is deleted with its last binding. If another node's binding ends between our
// declaration and our binding, RabbitMQ does not find the exchange.
result<void> topology::handle(const channel_closed& closed) {
  if (closed.channel == calls_channel) {
    open_calls();
    return {};
  }
  bool exchange_vanished = closed.code == not_found && closed.cause == queue_bind::id;
  if (!exchange_vanished || attempts_ == max_attempts)
    return tl::unexpected(channel_lost("the result queue", closed));
  declare_results();
  return {};
}

} // namespace patio::amqp
