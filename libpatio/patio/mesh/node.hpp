/// A node of the mesh without its sockets: connections, calls in flight, routes and deadlines in
/// one state machine. Bytes, answers and time go in; bytes, work and results come out. A resource
/// owned by one actor (or by a test); no thread, no clock. Whoever calls `tick` at `next_deadline`
/// gets every call ended once.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <patio/base/time.hpp>
#include <patio/functions/registry.hpp>
#include <patio/mesh/router.hpp>
#include <patio/protocol/access.hpp>
#include <patio/protocol/session.hpp>
#include <patio/protocol/timeout.hpp>
#include <patio/tls/tls.hpp>

namespace patio {

/// What is known of a connection.
struct peer_info {
  connection_id id = 0;
  std::string address;                   ///< HOST:PORT of the other end
  role side = role::server;              ///< ours: a client has dialled
  std::vector<std::string> names;        ///< what the peer serves
  std::size_t outbound = 0, inbound = 0; ///< calls in flight
  std::vector<std::string> proved =
    {}; ///< its names, by TLS certificate and key: those that access rules know
};

} // namespace patio

namespace patio::mesh {

struct node_options {
  /// Of 0 to 32 bytes: proved when dialling, and accepted from those who dial. Empty, it lets
  /// everyone in, unless there are `keys`.
  secret key = {};
  patio::limits limits = {};
  routing route = routing::least_loaded;
  std::uint64_t seed = 0; ///< for the choice among peers
  /// Announced to peers; none makes a node that no peer can tell from Python's.
  patio::protocol::extensions extensions = protocol::all_extensions;
  std::vector<named_key> keys =
    {}; ///< more keys that are accepted, each of which tells who logs in with it
  std::vector<access_rule> rules = {}; ///< who may call what; none lets everybody call everything
  python_types types = {};             ///< carried to and from all peers, beyond the built-in ones
  /// Payloads of more bytes are given to `node_events::on_decode`.
  std::size_t decode_apart = std::string::npos;
};

/// A call on its way: which, and whether its number still means that one.
struct call_id {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  friend bool operator==(const call_id&, const call_id&) = default;
};

/// How much a node holds, for figures and for tests that nothing is left behind.
struct node_tables {
  std::size_t connections = 0; ///< those that still log in included
  std::size_t calls = 0;       ///< of ours, in flight or waiting for a route
  std::size_t waiting_names = 0;
  std::size_t deadlines = 0; ///< a bounded share of which is of what has ended
  friend bool operator==(const node_tables&, const node_tables&) = default;
};

/// A peer's request, for the answer: of which connection, and which there.
struct inbound_id {
  connection_id from = 0;
  protocol::request_id request;
  friend bool operator==(const inbound_id&, const inbound_id&) = default;
};

/// A function to run for a peer.
struct inbound_call {
  inbound_id id;
  const registry_entry* entry = nullptr; ///< the registry's
  arguments args;
  instant deadline = never;
  std::stop_token over; ///< stopped once nobody waits for the answer: given up by the caller, timed
                        ///< out, connection lost
  /// Keep it as long as the arguments, on whatever thread: until it goes they count against
  /// inbound_bytes, the call being over or not.
  std::shared_ptr<const void> charge;
};

/// What the owner of a node is told, from within the node's functions. It may call back into the
/// node, but not `receive` for the same connection.
class node_events {
public:
  /// Run this and pass what it gives to `node::answer`, before the deadline if that is to matter to
  /// anyone.
  virtual void on_execute(inbound_call work) = 0;
  /// A call of ours has ended; `token` is what `node::call` was given. Also a ping's that its
  /// connection did not outlive.
  virtual void on_finished(std::uint64_t token, result<value> r) = 0;
  virtual void on_pong(std::uint64_t token) = 0;
  virtual void on_peer(const peer_info& peer) = 0; ///< logged in and discovered
  virtual void on_closed(connection_id id,
                         const error& why) = 0; ///< send what is in `output`, then close the socket
  virtual void on_log(std::string_view peer, std::string text) = 0;
  /// As session_events::on_decode; pass the job to `node::decoded`.
  virtual void on_decode(connection_id, std::unique_ptr<protocol::decode_job>) {}

protected:
  ~node_events() = default;
};

class node {
public:
  /// Locks the registry. Throws std::invalid_argument for keys that are too long or cannot be told
  /// apart, and for limits that `check_limits` refuses.
  node(node_options options, registry functions, node_events& events);
  ~node();
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  /// To be asked before a connection is accepted. Too many that have not logged in cost the oldest,
  /// if it has had a tenth of limits::handshake, else the oldest of the host that has most of them;
  /// errc::overloaded if there are too many at all.
  [[nodiscard]] result<void> admit();
  /// A socket is connected. `nonce` as for a session; with `tls`, all bytes in and out are those of
  /// its engine.
  connection_id open(role side, std::string address, std::string nonce, instant now,
                     std::unique_ptr<tls::engine> tls = nullptr);
  void receive(connection_id id, std::string_view bytes, instant now);
  /// Of an on_decode; what is refused stays in the job. A connection that has ended since does not
  /// want it.
  void decoded(connection_id id, protocol::decode_job& job, instant now);
  /// Whether better not to read on, as session::is_decoding.
  [[nodiscard]] bool is_decoding(connection_id id) const;
  /// The socket is gone; `sent` as for session::close.
  void close(connection_id id, error why, std::uint64_t sent);
  /// The same at the end of what the peer sent, which says whether that was at a place to end.
  void close_at_end(connection_id id, std::uint64_t sent);
  /// The bytes to send; empty if the connection is unknown. Tell `taken` how many were removed.
  [[nodiscard]] std::string* output(connection_id id);
  void taken(connection_id id, std::size_t bytes);
  /// Connections that have got something to send since the last call of this.
  [[nodiscard]] std::vector<connection_id> take_dirty();

  /// Calls a function at a peer; ends in one on_finished, perhaps before this returns.
  /// `request.timeout` is what the caller allows from `now`; the wire carries what is left of it
  /// when the call is sent. `only` names the one connection that may be used.
  call_id call(std::uint64_t token, call_request request, instant now,
               std::optional<connection_id> only = {});
  [[nodiscard]] bool is_under_way(call_id id) const noexcept;
  /// Ends a call with errc::cancelled; nothing if it has ended already.
  void cancel(call_id id);
  void answer(const inbound_id& id, const result<value>& r);
  /// As session::answer_pickled: for large results, so that others do not wait while they are
  /// written.
  void answer_pickled(const inbound_id& id, const result<std::string>& r);
  /// A round trip without a function, which ends in on_pong, or on_finished with the error that
  /// ended the connection; false if the connection is not ready.
  bool ping(connection_id id, std::uint64_t token);

  [[nodiscard]] instant next_deadline() const noexcept { return deadlines_.next(); }
  void tick(instant now);

  /// The peer of this connection reads too slowly, or again fast enough: its requests, and calls to
  /// it, are refused meanwhile.
  void congested(connection_id id, bool is);

  /// Prepares the end: peers are told, what runs goes on, and what comes later is refused.
  void leave();
  /// Since `leave`: nothing is running and nothing is on its way, as far as one can know.
  [[nodiscard]] bool has_left() const;

  /// Ends every connection with this error, and with it the calls that wait for a route; those on
  /// their way end like those of any connection that is lost. The node refuses calls from then on.
  void shut_down(const error& why);

  [[nodiscard]] std::vector<peer_info> peers() const;
  [[nodiscard]] std::size_t calls_in_flight() const noexcept;
  [[nodiscard]] node_tables tables() const noexcept;
  /// How often a limit has refused something or closed a connection.
  [[nodiscard]] std::uint64_t exceeded(limit which) const noexcept {
    return exceeded_[static_cast<std::size_t>(which)];
  }

private:
  class connection;
  class visit;
  struct slot;
  struct due { ///< what happens at a deadline
    enum class kind : std::uint8_t { call, inbound, handshake, forgive, refresh, restore } what;
    std::uint32_t serial_or_slot = 0;
    std::uint64_t id_or_generation = 0;
    std::uint64_t number = 0; ///< of an inbound request, or of a connection's penalties
  };

  [[nodiscard]] connection* find(connection_id id);
  [[nodiscard]] bool is_live(const due& d);
  void handle_due(const due& d, instant now);
  void schedule(instant at, due d);
  void settle(std::size_t deadlines = 1);
  void dispatch(std::uint32_t at, instant now);
  void send(std::uint32_t at, connection& to, instant now);
  void wait_for_route(std::uint32_t at, instant now);
  void serve(const connection& c);
  void finish(std::uint32_t at, result<value> r);
  void expire(std::uint32_t at, instant now);
  template <class Answer>
  void end_inbound(const inbound_id& id, Answer answer);
  void execute(connection& from, protocol::request_id request, call_request&& call);
  [[nodiscard]] std::size_t inbound_running() const noexcept;
  [[nodiscard]] std::optional<error> refusal(const connection& from, std::size_t bytes) const;
  [[nodiscard]] std::shared_ptr<const void> charge(const connection& from, std::size_t bytes) const;
  void refresh(connection& c, instant now);
  void judge(connection& c, const result<value>& r);
  void choose_or_avoid(const connection& c);
  void note_change(connection& c);
  void forget(connection_id id);
  void count(error& why);
  void name_limit(error& why) const;
  void refused(const connection& c, error why);

  node_options options_;
  registry functions_;
  node_events& events_;
  std::shared_ptr<const protocol::session_options> session_options_;
  std::unordered_map<connection_id, std::unique_ptr<connection>> connections_;
  struct newcomer {
    std::string network;
    instant since;
  };
  [[nodiscard]] connection_id least_promising() const;
  std::map<connection_id, newcomer> logging_in_; ///< accepted, the oldest first
  std::vector<std::unique_ptr<connection>>
    gone_;              ///< kept until no function of theirs can be running
  unsigned visits_ = 0; ///< functions of the node that are running, one within the other
  std::vector<connection_id> dirty_;
  std::vector<slot> slots_;
  std::vector<std::uint32_t> free_;
  std::unordered_map<std::string, std::map<std::uint64_t, std::uint32_t>>
    waiting_; ///< slots by age, by name
  router router_;
  deadline_heap<due> deadlines_;
  connection_id last_id_ = 0;
  std::uint64_t waited_ = 0;
  instant now_{};
  std::shared_ptr<std::atomic<std::size_t>>
    held_; ///< bytes of arguments, by whoever has not given back a charge
  std::array<std::uint64_t, 64> exceeded_{}; ///< by limit
  bool down_ = false, leaving_ = false;
};

} // namespace patio::mesh
