/// Credit for REQUESTs (extension `credit`). The callee has one or more queues, and grants credit
/// for each of them: the total number of REQUESTs that the caller may have sent for functions of
/// that queue since the login. Totals only grow, so that a repeated grant is harmless. One session
/// owns a request_credit for both directions.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include <patio/protocol/frame_output.hpp>
#include <patio/protocol/limits.hpp>
#include <patio/protocol/queue_total.hpp>
#include <patio/protocol/session_event.hpp>
#include <patio/value/error.hpp>

namespace patio::protocol {

class request_credit {
public:
  /// Says whether both sides have announced the extension. Without it, nothing is sent, and every
  /// request has room. Returns true if requests need credit no more.
  bool agree(bool is_agreed) noexcept { return std::exchange(is_agreed_, is_agreed) && !is_agreed; }

  /// Returns true if the peer takes a REQUEST for a function of this queue now.
  [[nodiscard]] bool has_room(queue_number q) const noexcept {
    return !is_agreed_ || q == no_queue || at(q).sent < at(q).received;
  }
  void count_request(queue_number q) noexcept {
    if (q != no_queue) ++at(q).sent;
  }
  /// Tells the peer that calls wait for credit, unless the peer knows.
  void report_used(queue_number q, frame_output& out);

  /// Tells the queues of our functions. Call this once, before the first `grant`.
  void tell_queues(const queue_map& queues, frame_output& out) const;
  /// Raises the total of REQUESTs that the peer may have sent for a queue.
  void grant(queue_total credit, frame_output& out);
  [[nodiscard]] std::uint64_t given(queue_number q) const noexcept { return at(q).given; }

  /// Handles a CREDIT or a CREDIT_USED. Fails if the payload is bad, if a credit decreases, or if
  /// more was used than granted.
  [[nodiscard]] result<void> receive(packet type, std::string_view payload, event_queue& events);
  /// Handles a QUEUES. Fails if it is not the first, or is bad.
  [[nodiscard]] result<void> receive_queues(const result<value>& payload, const limits& bounds,
                                            event_queue& events);

private:
  struct queue {
    std::uint64_t sent = 0, received = 0, reported = 0; ///< `reported`: in the last CREDIT_USED
    std::uint64_t given = 0;
  };
  [[nodiscard]] queue& at(queue_number q) noexcept { return queues_[static_cast<std::size_t>(q)]; }
  [[nodiscard]] const queue& at(queue_number q) const noexcept {
    return queues_[static_cast<std::size_t>(q)];
  }

  std::array<queue, max_queues> queues_{};
  bool is_agreed_ = false, has_queues_ = false;
};

/// Returns the payload of a CREDIT or CREDIT_USED: (queue, total).
[[nodiscard]] std::string write_queue_total(queue_total t);
[[nodiscard]] result<queue_total> read_queue_total(std::string_view payload);

/// Returns the payload of a QUEUES: {name: queue or None}.
[[nodiscard]] std::string write_queues(const queue_map& queues);
/// Fails if the value is not such a dict, or has more than `names_per_peer` names. Skips names of
/// more than `name_bytes`, because this side does not call such functions.
[[nodiscard]] result<queue_map> read_queues(const value& payload, const limits& bounds);

} // namespace patio::protocol
