/// A node of the mesh without sockets: one state machine for connections, calls in flight, routes
/// and deadlines. Bytes, answers and time go in; bytes and events come out. One actor (or a test)
/// owns the node. The node has no thread and no clock.
///
/// The owner takes the events after each call of a non-const function. The owner also calls `tick`
/// at `next_deadline`; then every call ends exactly once.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <patio/mesh/inbound_calls.hpp>
#include <patio/mesh/inbound_credit.hpp>
#include <patio/mesh/login_queue.hpp>
#include <patio/mesh/node_core.hpp>
#include <patio/mesh/node_event.hpp>
#include <patio/mesh/node_options.hpp>
#include <patio/mesh/outbound_calls.hpp>
#include <patio/mesh/peer_health.hpp>

namespace patio::mesh {

/// Sizes of a node's tables, for metrics and for tests that look for leaks.
struct node_tables {
  std::size_t connections = 0; ///< including connections before login
  std::size_t calls = 0;       ///< outbound calls, in flight or waiting for a route
  std::size_t waiting_names = 0;
  std::size_t deadlines = 0; ///< including a bounded share of obsolete entries
  friend bool operator==(const node_tables&, const node_tables&) = default;
};

class node {
public:
  /// Locks the registry. Throws std::invalid_argument if `check_keys` or `check_limits` fails.
  node(node_options options, registry functions);

  /// Swaps the events since the last `take_events` into `events`, in order. `events` must be empty;
  /// the node reuses the memory of `events`.
  void take_events(std::vector<node_event>& events) { std::swap(events, core_.events); }
  /// Swaps into `ids` the connections with new output since the last `take_dirty`. `ids` must be
  /// empty; the node reuses the memory of `ids`.
  void take_dirty(std::vector<connection_id>& ids);
  /// Swaps the bytes to send with `out`, which must be empty. Leaves `out` empty if the connection
  /// is not known. A TLS engine's bytes count as sent from here on.
  void take_output(connection_id id, std::string& out);

  /// Makes room for one more accepted connection. Call this before each accept. If too many
  /// connections wait for their login, closes the least promising one: the oldest if it has waited
  /// a tenth of limits::handshake_timeout, else the oldest from the network with the most waiting
  /// connections. Fails with errc::overloaded if limits::connections is reached.
  [[nodiscard]] result<void> admit();
  /// Adds a connection whose socket is connected. For `nonce`, see login_exchange. With `tls`, all
  /// bytes in and out are encrypted.
  connection_id open(role side, std::string address, std::string nonce, instant now,
                     std::unique_ptr<tls::engine> tls = nullptr);
  /// Handles the bytes up to the first frame with an event for the owner. Returns true if bytes are
  /// left. Then take the events and call `next`, until `next` returns false. The bytes must stay
  /// valid until then.
  [[nodiscard]] bool receive(connection_id id, std::string_view bytes, instant now);
  [[nodiscard]] bool next(connection_id id);
  /// Handles the job of a decode_payload after it has run. Returns the same as `receive`. Refused
  /// data stays in the job. Ignores the job if the connection has ended.
  [[nodiscard]] bool decoded(connection_id id, protocol::decode_job& job, instant now);
  /// True while a payload is being decoded. Pause reading from the peer, because the node must
  /// buffer the bytes that arrive meanwhile.
  [[nodiscard]] bool is_decoding(connection_id id);
  /// Ends a connection whose socket is closed. `sent` is the number of output bytes that may have
  /// reached the socket since the connection began.
  void close(connection_id id, error why, std::uint64_t sent);
  /// Ends a connection at the end of the peer's stream. The error says whether the stream ended
  /// within a frame.
  void close_at_end(connection_id id, std::uint64_t sent);
  /// Marks the connection as congested, or not: the peer reads too slowly. The node refuses the
  /// requests of a congested peer, and calls to it.
  void congested(connection_id id, bool is_congested);

  /// Calls a function of a peer. Every call ends in one call_finished. `request.timeout` starts at
  /// `now`; the frame carries the time left when the call is sent. `only` restricts the call to one
  /// connection.
  call_id call(std::uint64_t token, call_request&& request, instant now,
               std::optional<connection_id> only = {});
  /// Ends a call with errc::cancelled. Does nothing if the call has already ended.
  void cancel(call_id id);
  void answer(const inbound_id& id, const result<value>& r);
  /// Answers with a pickled result, see session::answer_pickled. The owner can pickle a large
  /// result on another thread, so that other connections do not wait.
  void answer_pickled(const inbound_id& id, const result<std::string>& r);
  /// Asks a peer something that calls no function. The answer comes as answer_received, or as
  /// call_finished with the error that ended the connection. A peer that does not describe its
  /// functions has an empty list as description. Returns false if the connection is not ready.
  bool ask(connection_id id, std::uint64_t token, const question& q);

  [[nodiscard]] instant next_deadline() const noexcept {
    return std::min(core_.deadlines.next(), core_.retry_at);
  }
  void tick(instant now);

  /// Starts the drain: asks peers to send no more requests, lets open calls end, and refuses later
  /// requests.
  void go_away();
  /// True after `go_away` once every call has ended. If a peer knows LEAVING, this covers the
  /// peer's requests that have not arrived yet.
  [[nodiscard]] bool is_drained() const;
  /// Ends every connection, and every call that waits for a route, with this error. Calls in flight
  /// end as after a lost connection. From now on the node refuses calls.
  void shut_down(const error& why);

  [[nodiscard]] std::vector<peer_info> peers() const;
  [[nodiscard]] node_tables tables() const noexcept;
  /// Returns how often this limit was exceeded.
  [[nodiscard]] std::uint64_t exceeded(limit which) const noexcept {
    return core_.counts.count_of(which);
  }

private:
  struct session_handler;
  struct due_handler;
  struct liveness;

  bool process(connection& c);
  bool end_after_frames(connection& c);
  bool handle_events(connection& c, protocol::decode_job* job = nullptr);
  void purge_deadlines();

  node_core core_;
  login_queue logins_;
  peer_health health_{core_};
  outbound_calls outbound_{core_, health_};
  inbound_credit credit_{core_};
  inbound_calls inbound_{core_, credit_};
  connection_id last_id_ = 0;
};

} // namespace patio::mesh
