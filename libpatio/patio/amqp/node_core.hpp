/// Internal: what the parts of a node at RabbitMQ share.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <patio/amqp/connection.hpp>
#include <patio/amqp/node_event.hpp>
#include <patio/amqp/node_options.hpp>

namespace patio::amqp {

// Separate channels: an error on one of them closes no other.
inline constexpr channel_number results_channel = 1; ///< replies to this node's calls
inline constexpr channel_number calls_channel = 2;   ///< this node's calls
inline constexpr channel_number serve_channel = 3;   ///< calls to this node, and its replies
inline constexpr channel_number cancel_channel = 4;  ///< opened with the first cancellation
inline constexpr channel_number probe_channel = 5;   ///< opened to declare a queue again

/// Counters for tests and for the log.
struct node_counts {
  std::uint64_t unexpected_replies = 0; ///< replies for which no call waits
  std::uint64_t refused_requests = 0;   ///< messages that are no proper call
  std::uint64_t lost_replies = 0;       ///< replies that the server did not accept
};

struct node_core {
  node_core(node_options o, registry r)
      : options{std::move(o)}, functions{std::move(r)}, ids{options.random} {}

  template <class Event>
  void tell(Event event) {
    events.emplace_back(std::in_place_type<Event>, std::move(event));
  }
  template <class Method>
  void send(channel_number channel, const Method& m) {
    if (link) link->send(channel, m);
  }
  /// False while the socket takes no bytes, or enough bytes wait for it. Messages wait then, for
  /// one large write would exceed limits::write_buffer_bytes.
  [[nodiscard]] bool has_room() const noexcept {
    return link && !is_congested
           && link->position() - link->taken() < options.limits.high_water_bytes;
  }
  /// The time for the `timestamp` of a message.
  [[nodiscard]] std::uint64_t unix_seconds() const noexcept {
    auto since_1970 = std::chrono::duration_cast<std::chrono::seconds>(unix_offset + now);
    return static_cast<std::uint64_t>(since_1970.count());
  }

  node_options options;
  registry functions;
  id_source ids;
  instant now{};
  std::chrono::nanoseconds unix_offset{}; ///< the unix time at the instant 0
  std::optional<connection> link;         ///< while there is a socket
  std::vector<node_event> events;
  node_counts counts;
  /// The largest body that the server accepts, as far as the node knows.
  std::size_t max_body_bytes = options.limits.frame_bytes;
  bool is_draining = false, is_congested = false;
};

} // namespace patio::amqp
