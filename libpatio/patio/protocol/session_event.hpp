/// What a session tells its owner, as values. The owner takes the events in their order after each
/// function of the session has returned.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <patio/base/serial_table.hpp>
#include <patio/protocol/decode_job.hpp>
#include <patio/value/call_request.hpp>
#include <patio/value/error.hpp>

namespace patio::protocol {

/// A request of the peer's. A serial may come again once its request has been answered; the number
/// does not.
struct request_id {
  std::uint32_t serial = 0;
  std::uint64_t number = 0;
  friend bool operator==(const request_id&, const request_id&) = default;
};

/// A frame of ours that waits for the peer's answer.
struct awaited_answer {
  enum class kind : std::uint8_t { request, ping, discovery, leaving } what = kind::request;
  std::uint64_t token = 0;     ///< the owner's, for requests and pings
  std::uint64_t begins_at = 0; ///< the frame's offset in all bytes ever put out
};

/// The peer has logged in and both sides know each other's functions. Happens once.
struct session_ready {};

/// The functions that the peer serves, sorted. Happens at every discovery, the first one included.
struct names_served {
  std::vector<std::string> names;
};

/// The peer calls a function. The owner answers it once by `session::answer`.
struct request_arrived {
  request_id id;
  call_request call;
  std::size_t argument_bytes = 0; ///< memory that the arguments take, estimated
};

/// The peer has given a request up. The owner answers it all the same.
struct request_cancelled {
  request_id id;
};

/// A request of ours has ended.
struct request_ended {
  std::uint64_t token = 0;
  result<value> outcome;
};

struct ping_answered {
  std::uint64_t token = 0;
};

/// The peer takes no more requests.
struct peer_went_away {};

/// Something was refused and the connection lives on: for the log.
struct refused_input {
  error why;
};

/// A large payload. The owner runs the job elsewhere and passes it to `session::decoded`. Until
/// then the session looks at nothing behind the payload.
struct payload_to_decode {
  std::unique_ptr<decode_job> job;
};

/// The connection has ended. This is the last event.
struct session_closed {
  error why;
  /// What still waited for answers. `loss` says how each of them ends.
  serial_table<awaited_answer> unanswered;
  std::uint64_t sent = 0;  ///< bytes of the output that may have reached the socket
  std::size_t running = 0; ///< requests of the peer's that nobody will answer

  /// A frame none of whose bytes were sent was not sent; any other may have been executed.
  [[nodiscard]] errc loss(const awaited_answer& lost) const noexcept {
    return lost.begins_at >= sent ? errc::not_sent : errc::maybe_executed;
  }
};

using session_event =
  std::variant<session_ready, names_served, request_arrived, request_cancelled, request_ended,
               ping_answered, peer_went_away, refused_input, payload_to_decode, session_closed>;

/// Events in their order. The last one taken leaves the queue's memory for the next.
class event_queue {
public:
  /// Leaves room for one more, so that one push while the front is being handled does not move it.
  template <class Event>
  void push(Event event) {
    if (events_.capacity() - events_.size() < 2) events_.reserve(2 * events_.size() + 4);
    events_.emplace_back(std::in_place_type<Event>, std::move(event));
  }
  [[nodiscard]] bool empty() const noexcept { return next_ == events_.size(); }
  [[nodiscard]] session_event& front() noexcept { return events_[next_]; }
  void pop() noexcept {
    if (++next_ < events_.size()) return;
    events_.clear();
    next_ = 0;
  }

private:
  std::vector<session_event> events_;
  std::size_t next_ = 0;
};

} // namespace patio::protocol
