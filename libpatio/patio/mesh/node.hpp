/// A node of the mesh without its sockets: connections, calls in flight, routes and deadlines in
/// one state machine. Bytes, answers and time go in; bytes and events come out. A resource owned by
/// one actor (or by a test); no thread, no clock.
///
/// The owner takes the events after each call of a function that is not const. An owner that calls
/// `tick` at `next_deadline` gets every call ended once.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <patio/mesh/inbound_calls.hpp>
#include <patio/mesh/login_queue.hpp>
#include <patio/mesh/node_core.hpp>
#include <patio/mesh/node_event.hpp>
#include <patio/mesh/node_options.hpp>
#include <patio/mesh/outbound_calls.hpp>
#include <patio/mesh/peer_health.hpp>

namespace patio::mesh {

/// How much a node holds, for figures and for tests that nothing is left behind.
struct node_tables {
  std::size_t connections = 0; ///< those that still log in included
  std::size_t calls = 0;       ///< of ours, in flight or waiting for a route
  std::size_t waiting_names = 0;
  std::size_t deadlines = 0; ///< a bounded share belongs to what has ended
  friend bool operator==(const node_tables&, const node_tables&) = default;
};

class node {
public:
  /// Locks the registry. Throws std::invalid_argument for keys that are too long or cannot be told
  /// apart, and for limits that `check_limits` refuses.
  node(node_options options, registry functions);

  /// What has happened since the last call of this, in order. `events` must be empty; its memory is
  /// used again.
  void take_events(std::vector<node_event>& events) { std::swap(events, core_.events); }
  /// Connections that have got something to send since the last call of this; likewise.
  void take_dirty(std::vector<connection_id>& ids);
  /// Swaps the bytes to send with `out`, which must be empty. Leaves `out` empty if the connection
  /// is not known. A TLS engine's bytes count as sent from here on.
  void take_output(connection_id id, std::string& out);

  /// Ask before a connection is accepted. Too many that have not logged in cost the oldest of them,
  /// if it has had a tenth of limits::handshake_timeout, else the oldest of the host that has most
  /// of them. Fails with errc::overloaded if there are too many connections at all.
  [[nodiscard]] result<void> admit();
  /// A socket is connected. `nonce` as for a login_exchange. With `tls`, all bytes in and out are
  /// those of the engine.
  connection_id open(role side, std::string address, std::string nonce, instant now,
                     std::unique_ptr<tls::engine> tls = nullptr);
  /// Handles the bytes up to the first frame that the owner has to hear of. True if bytes are left:
  /// take the events, then call `next`, until that returns false. The bytes must live until then.
  [[nodiscard]] bool receive(connection_id id, std::string_view bytes, instant now);
  [[nodiscard]] bool next(connection_id id);
  /// A decode_payload's job has run; returns as `receive`. What is refused stays in the job. A
  /// connection that has ended since does not want the job.
  [[nodiscard]] bool decoded(connection_id id, protocol::decode_job& job, instant now);
  /// While a payload is decoded the peer had better wait: what comes is kept.
  [[nodiscard]] bool is_decoding(connection_id id);
  /// The socket is gone. `sent` counts the bytes of all output that may have reached the socket.
  void close(connection_id id, error why, std::uint64_t sent);
  /// The same at the end of what the peer sent. The reason says whether the stream ended within a
  /// frame.
  void close_at_end(connection_id id, std::uint64_t sent);
  /// The peer of this connection reads too slowly, or fast enough again. Meanwhile its requests,
  /// and calls to it, are refused.
  void congested(connection_id id, bool is_congested);

  /// Calls a function at a peer; ends in one call_finished. `request.timeout` is what the caller
  /// allows from `now`; the wire carries what is left of the timeout when the call is sent. `only`
  /// names the one connection that may be used.
  call_id call(std::uint64_t token, call_request request, instant now,
               std::optional<connection_id> only = {});
  /// Ends a call with errc::cancelled; nothing if the call has ended already.
  void cancel(call_id id);
  void answer(const inbound_id& id, const result<value>& r);
  /// As session::answer_pickled: a large result is written elsewhere, so that others do not wait.
  void answer_pickled(const inbound_id& id, const result<std::string>& r);
  /// A round trip without a function. It ends in pong_received, or in call_finished with the error
  /// that ended the connection. False if the connection is not ready.
  bool ping(connection_id id, std::uint64_t token);

  [[nodiscard]] instant next_deadline() const noexcept {
    return std::min(core_.deadlines.next(), retry_at_);
  }
  void tick(instant now);

  /// Prepares the end: peers are told, what runs goes on, and what comes later is refused.
  void go_away();
  /// Since `go_away`: nothing is running and nothing is on its way, as far as one can know.
  [[nodiscard]] bool is_drained() const;
  /// Ends every connection with this error, and with it the calls that wait for a route. Calls in
  /// flight end like those of any connection that is lost. The node refuses calls from then on.
  void shut_down(const error& why);

  [[nodiscard]] std::vector<peer_info> peers() const;
  [[nodiscard]] node_tables tables() const noexcept;
  /// How often a limit has refused something or closed a connection.
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
  inbound_calls inbound_{core_};
  connection_id last_id_ = 0;
  instant retry_at_ = never; ///< events wait that could not be handled for lack of memory
};

} // namespace patio::mesh
