/// Cancellation between C++ nodes. A caller that gives a call up publishes its correlation id to
/// the exchange for dead letters, with a header that only C++ servers bind. Python nodes never
/// receive these messages. Part of a node.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_set>

#include <patio/amqp/ids.hpp>
#include <patio/amqp/node_core.hpp>
#include <patio/amqp/topology.hpp>

namespace patio::amqp {

/// The caller's side. It has a channel of its own, because RabbitMQ closes the channel of a user
/// who may not write to the exchange.
class cancellation {
public:
  cancellation(node_core& core, const topology& t) noexcept : core_{core}, topology_{t} {}

  /// Tells all C++ servers that nobody waits for this call any more.
  void publish(const call_key& key);
  /// Handles a method of the channel.
  [[nodiscard]] result<void> handle(const method_arrived& arrived);
  /// RabbitMQ has closed the channel. Until the next connection, no cancellation is published.
  void handle(const channel_closed& closed);
  /// The connection has ended.
  void reset() noexcept { state_ = state::unused; }

private:
  enum class state : std::uint8_t { unused, opening, open, refused };

  node_core& core_;
  const topology& topology_;
  state state_ = state::unused;
};

/// The server's side: the newest calls that were cancelled before they arrived.
class cancelled_calls {
public:
  static constexpr std::size_t max_size = 4096;

  void add(const call_key& key);
  /// Returns true for a call that was added, once.
  [[nodiscard]] bool take(const call_key& key) { return keys_.erase(key) > 0; }

private:
  std::unordered_set<call_key, call_key_hash> keys_;
  std::deque<call_key> order_; ///< some may have been taken
};

} // namespace patio::amqp
