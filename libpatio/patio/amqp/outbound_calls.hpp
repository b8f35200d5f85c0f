/// This node's own calls: those that wait for a connection, and those that wait for an answer. Part
/// of a node. Each call ends exactly once, as a call_finished event.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include <patio/amqp/cancellation.hpp>
#include <patio/amqp/ids.hpp>
#include <patio/amqp/node_core.hpp>
#include <patio/amqp/topology.hpp>
#include <patio/value/call_request.hpp>

namespace patio::amqp {

class outbound_calls {
public:
  outbound_calls(node_core& core, const topology& t, cancellation& cancels) noexcept
      : core_{core}, topology_{t}, cancels_{cancels} {}

  /// Publishes the call, or lets it wait until publish_waiting() can. A call that fails at once
  /// also ends by an event.
  call_key begin(std::uint64_t token, const call_request& request);
  void cancel(const call_key& key);
  /// Ends the calls whose time is over.
  void expire();
  [[nodiscard]] instant next_deadline() const noexcept { return deadlines_.next(); }
  [[nodiscard]] std::size_t in_flight() const noexcept { return calls_.size(); }
  [[nodiscard]] std::size_t waiting_bytes() const noexcept { return waiting_bytes_; }
  /// Returns how many calls the queues hold, with those that have ended.
  [[nodiscard]] std::size_t queued() const noexcept {
    return waiting_.size() + unconfirmed_.size();
  }

  /// A reply or a dead letter in the result queue.
  void handle_reply(const message_arrived& message);
  /// A call that the server could not route.
  void handle_return(const message_arrived& message);
  /// The server has taken over published calls, or failed to.
  void handle_confirm(std::uint64_t tag, bool multiple, bool is_ack);
  /// Publishes the waiting calls as far as that is possible now.
  void publish_waiting();
  [[nodiscard]] bool can_send() const noexcept { return !waiting_.empty() && can_publish(); }
  /// RabbitMQ refuses published messages, or accepts them again.
  void set_blocked(bool is_blocked);

  /// The server has closed the calls channel: nobody knows what became of unconfirmed calls.
  void channel_lost(const std::string& why);
  /// The connection has ended. Calls whose bytes have not left end as not_sent.
  void lose(const error& why, std::uint64_t sent);
  /// Ends all calls.
  void fail_all(const error& why);
  /// The reason why there is no connection, for calls that wait in vain.
  void set_trouble(std::string why) { trouble_ = std::move(why); }

private:
  struct call {
    std::uint64_t token = 0;
    instant deadline = never;    ///< of the caller
    instant patience = never;    ///< end of the wait for a connection
    std::uint64_t begins_at = 0; ///< offset in the connection's output
    std::string name;
    std::string body; ///< until it is published
    bool is_published = false;
  };
  using table = std::unordered_map<call_key, call, call_key_hash>;

  [[nodiscard]] result<void> check(const call_request& request) const;
  [[nodiscard]] result<call> prepare(std::uint64_t token, const call_request& request);
  [[nodiscard]] bool can_publish() const noexcept {
    return topology_.can_call() && !is_blocked_ && core_.has_room();
  }
  void publish_or_wait(const call_key& key, call& c);
  void publish(const call_key& key, call& c);
  void wait(const call_key& key, call& c);
  /// Removes the ended calls from `waiting_` once they outnumber the others.
  void compact_waiting();
  [[nodiscard]] error end_of_wait(const call& c) const;
  [[nodiscard]] error dead_letter(const call& c, const message_arrived& message) const;
  /// Ends a call that may run at a server, and tells the server.
  void give_up(table::iterator at, error why);
  void finish(table::iterator at, result<value> outcome);

  node_core& core_;
  const topology& topology_;
  cancellation& cancels_;
  table calls_;
  deadline_heap<call_key> deadlines_;
  std::deque<call_key> waiting_;                  ///< in order; some may have ended
  std::size_t waiting_calls_ = 0;                 ///< of `waiting_`, without those that have ended
  std::size_t waiting_bytes_ = 0;                 ///< of the same calls
  std::map<std::uint64_t, call_key> unconfirmed_; ///< by the tag of the calls channel
  std::uint64_t last_tag_ = 0;
  std::string trouble_;
  bool is_blocked_ = false; ///< by the server
};

} // namespace patio::amqp
