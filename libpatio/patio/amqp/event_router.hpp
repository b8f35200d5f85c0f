/// Passes the events of a connection to the parts of a node, by channel, and knows when the node is
/// ready. Part of a node.
#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include <patio/amqp/cancellation.hpp>
#include <patio/amqp/consumers.hpp>
#include <patio/amqp/inbound_calls.hpp>
#include <patio/amqp/node_core.hpp>
#include <patio/amqp/outbound_calls.hpp>
#include <patio/amqp/topology.hpp>

namespace patio::amqp {

class event_router {
public:
  event_router(node_core& core, topology& t, consumers& c, outbound_calls& outbound,
               inbound_calls& inbound, cancellation& cancels) noexcept
      : core_{core}, topology_{t},
        consumers_{c}, outbound_{outbound}, inbound_{inbound}, cancels_{cancels} {}

  void handle(const connection_event& event);
  /// Sends the calls and the replies that wait, as far as there is room in the output.
  void send_waiting() {
    inbound_.send_waiting();
    outbound_.publish_waiting();
  }
  /// Returns the reason once the connection must be given up.
  [[nodiscard]] std::optional<error> take_loss() { return std::exchange(loss_, {}); }
  /// Returns `never` until the node is ready.
  [[nodiscard]] instant ready_since() const noexcept { return ready_since_; }
  /// The connection has ended.
  void reset() noexcept {
    ready_since_ = never;
    is_serving_ = false;
  }

private:
  void handle(const connection_opened& event);
  void handle(const method_arrived& event);
  void handle(const message_arrived& event);
  void handle(const channel_closed& event);
  void handle(const publishing_blocked& event);
  void handle(const connection_ended& event);
  void handle_calls_channel(const method_arrived& event);
  void handle_serve_channel(const method_arrived& event);
  void handle_result(const message_arrived& event);
  void check(const result<void>& handled);
  void note_progress();
  void learn_limit(std::string_view reason);

  node_core& core_;
  topology& topology_;
  consumers& consumers_;
  outbound_calls& outbound_;
  inbound_calls& inbound_;
  cancellation& cancels_;
  std::optional<error> loss_;
  instant ready_since_ = never;
  bool is_serving_ = false;
};

} // namespace patio::amqp
