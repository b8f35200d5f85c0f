/// Outbound calls. Each call is in flight at a peer, waits for a peer that serves the name, or
/// waits for credit of such a peer. Every call ends in one `call_finished`. This is a part of one
/// node.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <patio/mesh/node_core.hpp>
#include <patio/mesh/peer_health.hpp>
#include <patio/value/call_request.hpp>

namespace patio::mesh {

class outbound_calls {
public:
  outbound_calls(node_core& core, peer_health& health) noexcept : core_{core}, health_{health} {}

  /// Begins a call; see node::call. If `is_refused`, the call ends at once with errc::shut_down.
  call_id begin(std::uint64_t token, call_request&& request, std::optional<connection_id> only,
                bool is_refused);
  [[nodiscard]] bool is_under_way(call_id id) const noexcept;
  void cancel(call_id id);
  /// Handles the end of the call's deadline, or of its wait for a route.
  void expire(call_id id);
  /// Records the names that the peer serves now, and sends the calls that wait for a peer.
  void serve(const connection& c);
  /// Sends the calls that wait for credit and for which the peer has room now, the oldest first.
  void resume(connection& c);
  /// Routes the calls that wait for credit again, if the choice of peers has changed. Call this
  /// after every change. A call without a peer then waits for a peer.
  void resume_after_changes() noexcept {
    if (routes_handled_ != core_.routes.changes()) resume_all();
  }
  /// Ends a call whose session has reported an outcome. `token` is the argument of
  /// `session::request`.
  void end(connection& c, std::uint64_t token, result<value> outcome);
  /// Ends a call that was lost with its connection.
  void lose(const connection& c, std::uint64_t token, errc code, const std::string& text);
  /// Ends all calls that have not ended.
  void fail_all(const error& why);

  /// Returns the number of calls that have not ended, including calls that wait for a route.
  [[nodiscard]] std::size_t in_flight() const noexcept { return slots_.size() - free_.size(); }
  [[nodiscard]] std::size_t waiting_names() const noexcept {
    return waiting_.size() + held_.size();
  }

private:
  /// `waiting`: for a peer that serves the name. `held`: for credit.
  enum class place : std::uint8_t { nowhere, waiting, held, sent };
  static constexpr std::uint32_t no_slot = ~std::uint32_t{0};
  /// Calls that may be sent to the same peers.
  struct destinations {
    std::string name;
    std::optional<connection_id> only;
    friend auto operator<=>(const destinations&, const destinations&) = default;
  };
  /// The calls of one destination that wait for credit: a list of slots, the oldest first.
  struct waiting_line {
    std::uint32_t first = no_slot, last = no_slot;
    std::size_t size = 0;
  };
  using lines = std::map<destinations, waiting_line>;
  /// One call. The request is kept only while the call waits for a peer.
  struct slot {
    place where = place::nowhere;
    bool is_timed = false;     ///< a deadline entry for the call's own deadline exists
    std::uint32_t entries = 0; ///< deadline entries: the deadline, the ends of route waits
    std::uint32_t generation = 1;
    std::uint32_t serial = 0;
    connection_id at = 0;
    std::uint64_t token = 0;
    std::uint64_t order = 0; ///< position among the calls that wait
    instant deadline = never;
    instant route_until = never;                      ///< the end of the route wait
    std::size_t bytes = 0;                            ///< counted in `waiting_bytes_`
    lines::iterator in = {};                          ///< of a held call
    std::uint32_t previous = no_slot, next = no_slot; ///< in its line
    std::optional<connection_id> only;
    std::unique_ptr<call_request> request;
  };

  [[nodiscard]] std::uint32_t take_slot();
  void dispatch(std::uint32_t at);
  void send(std::uint32_t at, connection& peer, protocol::queue_number queue);
  void send_if_room(std::uint32_t at, connection& peer);
  void wait_for_route(std::uint32_t at);
  void hold(std::uint32_t at);
  [[nodiscard]] std::optional<error> refusal_to_hold(const destinations& to,
                                                     std::size_t held) const;
  [[nodiscard]] bool may_wait(std::uint32_t at);
  void stop_waiting(std::uint32_t at) {
    auto where = slots_[at].where;
    if (where == place::waiting || where == place::held) leave_list(at);
  }
  void leave_list(std::uint32_t at);
  void leave_line(slot& s);
  void report_used(const destinations& to);
  void resume(lines::iterator all);
  void resume_all() noexcept;
  void refuse(std::uint32_t at, error why);
  void finish(std::uint32_t at, result<value> outcome);

  node_core& core_;
  peer_health& health_;
  std::vector<slot> slots_;
  std::vector<std::uint32_t> free_;
  /// Maps a name to its waiting slots, oldest first.
  std::unordered_map<std::string, std::map<std::uint64_t, std::uint32_t>> waiting_;
  lines held_; ///< no line is empty, except while a call is added
  std::uint64_t last_order_ = 0;
  std::size_t waiting_bytes_ = 0;    ///< of the arguments of all calls that wait
  std::uint64_t routes_handled_ = 0; ///< the router's changes that `held_` reflects
};

} // namespace patio::mesh
