/// A RabbitMQ server without sockets and clock, as far as patio uses it: queues with consumers,
/// prefetch, acknowledgements and redelivery, the exchange for dead letters, expiry, returns,
/// confirms, alarms. Faults are knobs. One test owns it.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <patio/amqp/connection.hpp>
#include <patio/amqp/table.hpp>

namespace patio::tests {

/// A message with its own memory.
struct queued_message {
  std::string header; ///< payload of the content header's frame
  std::string body, exchange, routing_key;
  instant expires = never;
  bool redelivered = false;
  [[nodiscard]] amqp::properties properties() const {
    return amqp::read_content_header(header).value().properties;
  }
};

/// The queues of a fake_rabbitmq, and the channels of its clients.
class fake_queues {
public:
  using client = std::uint64_t;

  /// Expires messages, and sends a heartbeat to each client.
  void tick(instant now);
  void delete_queue(const std::string& name);
  void close_channel(client c, amqp::channel_number channel, std::uint16_t code,
                     const std::string& text);
  /// Puts a message into a queue, as a stranger would.
  void put(const std::string& queue, const amqp::properties& p, std::string_view body);

  [[nodiscard]] bool has_queue(const std::string& name) const { return queues_.contains(name); }
  [[nodiscard]] std::size_t ready(const std::string& name) const;
  [[nodiscard]] std::size_t unacknowledged() const;
  [[nodiscard]] std::size_t cancellable() const { return cancellable_.size(); }
  [[nodiscard]] std::size_t clients() const { return clients_.size(); }
  [[nodiscard]] std::vector<std::string> queue_names() const;

protected:
  struct consumer {
    client owner;
    amqp::channel_number channel;
    std::string tag;
    bool no_ack;
  };
  struct queue {
    bool durable = false, exclusive = false, auto_delete = false;
    client owner = 0;
    std::string arguments;
    std::deque<queued_message> messages;
    std::vector<consumer> consumers;
    std::size_t turn = 0;
  };
  struct unacknowledged_message {
    std::string queue, tag;
    queued_message message;
  };
  struct channel {
    bool confirms = false;
    std::uint16_t prefetch = 0;
    std::uint64_t published = 0, delivered = 0;
    std::uint64_t unconfirmed = 0; ///< the last tag that is not confirmed yet
    std::map<std::uint64_t, unacknowledged_message> unacked;
    std::string publish, header, body; ///< of the content that is arriving
    std::uint64_t missing = 0;
    bool in_content = false;
  };
  struct connection {
    std::string input, output;
    amqp::frame_reader reader{131'072};
    bool has_header = false, is_open = false, sends_blocked = false;
    std::map<amqp::channel_number, channel> channels;
  };

  void settle(client from, amqp::channel_number n, std::uint64_t tag, bool requeue);
  bool route(const std::string& queue, queued_message m, instant now);
  void dead_letter(const std::string& queue, queued_message m);
  void pump(const std::string& name);
  void deliver(const std::string& name, consumer& to, queued_message m);
  [[nodiscard]] bool has_room(const consumer& c);
  void drop_channel(client from, amqp::channel_number n);
  void remove_consumers(client from, amqp::channel_number n);
  void remove_queue(const std::string& name);
  void requeue(unacknowledged_message lost);
  template <class Method>
  void send(client to, amqp::channel_number n, const Method& m) {
    if (auto found = clients_.find(to); found != clients_.end())
      amqp::put_method(found->second->output, n, m);
  }

  std::map<client, std::unique_ptr<connection>> clients_;
  std::map<std::string, queue> queues_;
  std::map<std::string, std::string> bindings_; ///< From -> queue, of rpc.dlx
  std::set<std::string> cancellable_;           ///< queues that are bound to cancellations
  bool has_exchange_ = false;
  instant now_{};
};

class fake_rabbitmq : public fake_queues {
public:
  client connect();
  void receive(client from, std::string_view bytes, instant now);
  /// The client's socket is gone.
  void disconnect(client from, instant now);
  /// The bytes for a client.
  [[nodiscard]] std::string take_output(client to);
  /// True if the server has closed the connection, behind its output.
  [[nodiscard]] bool has_closed(client c) const { return !clients_.contains(c); }
  /// Dies and starts again: nothing is left.
  void restart();
  void set_blocked(bool is_blocked);

  // Knobs.
  std::string password = "guest";
  std::size_t max_message_size = std::size_t{128} << 20;
  unsigned nacks = 0;            ///< so many published messages are refused
  unsigned vanish_exchange = 0;  ///< so many times the exchange is gone at a bind
  bool forbids_exchange = false; ///< nobody may publish to rpc.dlx
  bool answers_handshake = true;
  bool reads_channels = true;             ///< false: bytes wait once the connection is open
  std::set<std::string> unavailable = {}; ///< queues whose home node is down
  unsigned timeouts = 0;                  ///< so many declarations meet the end of their channel
  bool keeps_published = false;

  std::vector<queued_message> published; ///< if keeps_published

private:
  void handle(client from, const amqp::frame& f, instant now);
  void handle_connection(client from, const amqp::method& m);
  void handle_login(client from, const amqp::connection_start_ok& m);
  void handle_channel(client from, amqp::channel_number n, const amqp::method& m, instant now);
  void handle_content(client from, amqp::channel_number n, const amqp::frame& f, instant now);
  void declare(client from, amqp::channel_number n, const amqp::queue_declare& m);
  void bind(client from, amqp::channel_number n, const amqp::queue_bind& m);
  void consume(client from, amqp::channel_number n, const amqp::basic_consume& m);
  void cancel(client from, amqp::channel_number n, const amqp::basic_cancel& m);
  void publish(client from, amqp::channel_number n, instant now);
  void publish_cancellation(client from, amqp::channel_number n, instant now);
  void confirm(client from);

  std::map<client, std::string> last_output_; ///< of clients that the server has closed
  bool is_blocked_ = false;
  client last_client_ = 0;
};

} // namespace patio::tests
