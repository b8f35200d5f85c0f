/// Calls to this node: from their delivery to the acknowledgement behind their confirmed reply.
/// Part of a node. Every delivery is answered and acknowledged, whatever it holds, unless its
/// channel ends first. RabbitMQ then delivers it again.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_map>

#include <patio/amqp/bodies.hpp>
#include <patio/amqp/cancellation.hpp>
#include <patio/amqp/consumers.hpp>
#include <patio/amqp/node_core.hpp>

namespace patio::amqp {

class inbound_calls {
public:
  inbound_calls(node_core& core, const consumers& c) noexcept : core_{core}, consumers_{c} {}

  /// Handles a message of the serve channel.
  void begin(const message_arrived& message);
  /// Ends a call. Does nothing if it has ended already.
  void answer(const inbound_id& id, const result<value>& outcome);
  void answer_pickled(const inbound_id& id, result<std::string> pickled);
  /// The caller has given its call up. Stops the function if it runs; otherwise the call is not
  /// run when it arrives.
  void cancel(const call_key& key);
  /// The server has taken over replies, or failed to.
  void handle_confirm(std::uint64_t tag, bool multiple, bool is_ack);
  /// Publishes the replies that wait for room in the output, as far as there is room.
  void send_waiting();
  [[nodiscard]] bool can_send() const noexcept { return !waiting_.empty() && core_.has_room(); }
  /// The channel has ended. Stops the functions that run.
  void lose();
  /// Ends the calls whose time is over.
  void expire();
  [[nodiscard]] instant next_deadline() const noexcept { return deadlines_.next(); }

  [[nodiscard]] std::size_t running() const noexcept { return calls_.size(); }
  /// True if no call runs and no reply waits to be sent or confirmed.
  [[nodiscard]] bool is_idle() const noexcept {
    return calls_.empty() && waiting_.empty() && unconfirmed_.empty();
  }

private:
  struct call {
    std::string reply_to;
    std::optional<std::string> correlation_id;
    std::optional<std::uint8_t> delivery_mode;
    bool is_redelivered = false, is_acknowledged = false;
    std::stop_source stop = {};
  };
  /// A reply that waits for its confirm.
  struct sent_reply {
    std::uint64_t delivery_tag = 0;
    bool is_redelivered = false, is_acknowledged = false;
  };
  /// A reply that waits for room in the output.
  struct waiting_reply {
    std::uint64_t delivery_tag = 0;
    call to;
    reply_body body;
  };
  using table = std::unordered_map<std::uint64_t, call>;

  void begin(std::uint64_t delivery_tag, const consumer& c, const message_arrived& message);
  [[nodiscard]] std::optional<error> refusal(const consumer& c,
                                             const message_arrived& message) const;
  void run(std::uint64_t delivery_tag, const consumer& c, arguments args);
  [[nodiscard]] std::shared_ptr<const void> reserve(std::size_t bytes) const;
  [[nodiscard]] table::iterator find(const inbound_id& id);
  void finish(table::iterator at, reply_body reply);
  void publish(const waiting_reply& reply);
  void settle(const sent_reply& reply, bool is_ack);
  void acknowledge(std::uint64_t delivery_tag);

  node_core& core_;
  const consumers& consumers_;
  table calls_; ///< by delivery tag of the current channel
  std::deque<waiting_reply> waiting_;
  std::size_t waiting_bytes_ = 0;                   ///< of the bodies in `waiting_`
  std::map<std::uint64_t, sent_reply> unconfirmed_; ///< by tag of the reply
  std::uint64_t last_reply_ = 0;
  cancelled_calls cancelled_;
  deadline_heap<inbound_id> deadlines_;
  /// Bytes of arguments. Any thread may release its share.
  std::shared_ptr<std::atomic<std::size_t>> held_ = std::make_shared<std::atomic<std::size_t>>(0);
};

} // namespace patio::amqp
