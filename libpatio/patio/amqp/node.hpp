/// A node at RabbitMQ: all calls of a program that travel through one RabbitMQ server, in both
/// directions. A state machine without socket and clock: bytes and time come in, and bytes and
/// events come out. It connects again whenever the connection is lost. One owner, one thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <patio/amqp/cancellation.hpp>
#include <patio/amqp/consumers.hpp>
#include <patio/amqp/event_router.hpp>
#include <patio/amqp/inbound_calls.hpp>
#include <patio/amqp/node_core.hpp>
#include <patio/amqp/outbound_calls.hpp>
#include <patio/amqp/topology.hpp>

namespace patio::amqp {

/// Throws std::invalid_argument if a function's name cannot be the name of a queue.
void check_names(const registry& functions);

struct calls_in_flight {
  std::size_t outbound = 0, inbound = 0;
};

class node {
public:
  /// The registry is locked, and its names have been checked.
  node(node_options options, registry functions);
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  /// Begins to connect.
  void start(instant now);
  /// Sets the wall clock, for the time stamps of messages.
  void set_unix_time(std::chrono::nanoseconds since_1970, instant now) noexcept {
    core_.unix_offset = since_1970 - now;
  }

  // The socket. The owner answers each dial_server event with connected() or connect_failed().
  void connected(instant now);
  void connect_failed(const error& why, instant now);
  void receive(std::string_view bytes, instant now);
  /// The socket is closed or broken. `why` is nothing if the server's stream has ended.
  void disconnected(const std::optional<error>& why, instant now);
  /// The server reads too slowly, or reads again. Calls wait meanwhile.
  void set_congested(bool is_congested, instant now);
  [[nodiscard]] bool has_output() const noexcept {
    if (!core_.link) return false;
    return core_.link->has_output() || inbound_.can_send() || outbound_.can_send();
  }
  /// Swaps the bytes to send with `out`, which must be empty. Call again while has_output():
  /// further messages wait until the socket has taken these bytes.
  void take_output(std::string& out, instant now);

  void tick(instant now);
  [[nodiscard]] instant next_deadline() const noexcept;
  /// Swaps the events with `out`, which must be empty.
  void take_events(std::vector<node_event>& out) { std::swap(out, core_.events); }

  /// Begins a call, which ends with a call_finished event with that token. If an exception leaves
  /// this function, there is no call, and the owner must end the connection by disconnected().
  call_key call(std::uint64_t token, const call_request& request, instant now);
  void cancel(const call_key& key, instant now);
  /// Makes one round trip to the server, which ends with a ping_finished event with that token.
  void ping(std::uint64_t token) { topology_.ping(token); }
  void answer(const inbound_id& id, const result<value>& outcome, instant now);
  /// The same for a result that a worker has pickled with body_protocol.
  void answer_pickled(const inbound_id& id, result<std::string> pickled, instant now);

  /// Stops taking calls. The node closes its connection once all calls have ended.
  void go_away(instant now);
  /// True once the node has gone away and its connection has ended.
  [[nodiscard]] bool is_drained() const noexcept;
  /// Ends all calls. The last output closes the connection.
  void shut_down(const error& why, instant now);

  [[nodiscard]] bool is_ready() const noexcept { return router_.ready_since() != never; }
  [[nodiscard]] calls_in_flight in_flight() const noexcept {
    return {outbound_.in_flight(), inbound_.running()};
  }
  [[nodiscard]] const node_counts& counts() const noexcept { return core_.counts; }

private:
  enum class dial_state : std::uint8_t { idle, asked, open };

  void handle_events();
  void lose(const error& why);
  void redial_later(const error& why);
  void close_if_done();

  node_core core_;
  topology topology_;
  consumers consumers_;
  cancellation cancels_;
  outbound_calls outbound_;
  inbound_calls inbound_;
  event_router router_;
  backoff wait_;
  dial_state dial_ = dial_state::idle;
  instant dial_at_ = never;
  instant handshake_until_ = never;
  bool is_down_ = false;
};

} // namespace patio::amqp
