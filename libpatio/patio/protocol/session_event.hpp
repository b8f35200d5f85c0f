/// Events that a session reports to its owner, as values. The owner takes the events in order,
/// after each function of the session has returned.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <patio/base/serial_table.hpp>
#include <patio/protocol/decode_job.hpp>
#include <patio/protocol/queue_total.hpp>
#include <patio/value/call_request.hpp>
#include <patio/value/error.hpp>

namespace patio::protocol {

/// Identifies a request from the peer. The peer may use a serial again after the answer; the number
/// is never used again.
struct request_id {
  std::uint32_t serial = 0;
  std::uint64_t number = 0;
  friend bool operator==(const request_id&, const request_id&) = default;
};

/// A frame that we have sent and that waits for the peer's answer.
struct awaited_answer {
  enum class kind : std::uint8_t {
    request,
    ping,
    discovery,
    leaving,
    description
  } what = kind::request;
  std::uint64_t token = 0;     ///< the owner's token, but for discovery and leaving
  std::uint64_t begins_at = 0; ///< offset of the frame in the whole output of the connection
};

/// The peer has logged in and both sides know each other's functions. Happens once.
struct session_ready {};

/// The functions that the peer serves, sorted. Happens at every discovery, including the first.
struct names_served {
  std::vector<std::string> names;
};

/// The peer calls a function. The owner answers once, with `session::answer`.
struct request_arrived {
  request_id id;
  call_request call;
  std::size_t argument_bytes = 0; ///< estimated memory use of the arguments
};

/// The peer has cancelled a request. The owner must still answer the request.
struct request_cancelled {
  request_id id;
};

/// A request that we sent has ended.
struct request_ended {
  std::uint64_t token = 0;
  result<value> outcome;
};

/// The peer has answered a ping or a DESCRIBE.
struct question_answered {
  std::uint64_t token = 0;
  std::optional<value> description = {}; ///< decoded, but not checked yet
};

/// The queues of the peer's functions. Happens at most once.
struct queues_told {
  queue_map queues;
};

/// The peer takes more requests: it has granted credit, or needs no credit any more.
struct credit_granted {};

/// The peer has used all its credit for one of our queues, and its calls wait.
struct credit_used {
  queue_total used;
};

/// One event, because the compiler dispatches a variant of more than 11 alternatives more slowly.
struct credit_event {
  std::variant<queues_told, credit_granted, credit_used> what;
};

/// The peer takes no more requests.
struct peer_went_away {};

/// The session has refused some input, and the connection stays open. This event is for the log.
struct refused_input {
  error why;
};

/// A large payload. The owner runs the job, usually on another thread, and passes the job to
/// `session::decoded`. Until then the session does not handle any later frame.
struct payload_to_decode {
  std::unique_ptr<decode_job> job;
};

/// The connection has ended. This is the last event.
struct session_closed {
  error why;
  /// Frames that still waited for an answer. `loss` returns how each of these ends.
  serial_table<awaited_answer> unanswered;
  std::uint64_t sent = 0;  ///< bytes of the output that may have reached the socket
  std::size_t running = 0; ///< unanswered requests from the peer

  /// Returns not_sent if no byte of the frame was sent. Otherwise the peer may have executed the
  /// request.
  [[nodiscard]] errc loss(const awaited_answer& lost) const noexcept {
    return lost.begins_at >= sent ? errc::not_sent : errc::maybe_executed;
  }
};

using session_event = std::variant<session_ready, names_served, request_arrived, request_cancelled,
                                   request_ended, question_answered, peer_went_away, credit_event,
                                   refused_input, payload_to_decode, session_closed>;

/// A queue of events. An empty queue keeps its memory for later events.
class event_queue {
public:
  /// Adds an event. The next push never reallocates, so the owner may push one event while it holds
  /// a reference to the front.
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
