/// Outbound calls. Each call is in flight at a peer, or waits for a peer that serves the name.
/// Every call ends in one `call_finished`. This is a part of one node.
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
  call_id begin(std::uint64_t token, call_request request, std::optional<connection_id> only,
                bool is_refused);
  [[nodiscard]] bool is_under_way(call_id id) const noexcept;
  void cancel(call_id id);
  /// Handles the end of the call's deadline, or of its wait for a route.
  void expire(call_id id);
  /// Records the names that the peer serves now, and sends the calls that wait for them.
  void serve(const connection& c);
  /// Ends a call whose session has reported an outcome. `token` is the argument of
  /// `session::request`.
  void end(connection& c, std::uint64_t token, result<value> outcome);
  /// Ends a call that was lost with its connection.
  void lose(const connection& c, std::uint64_t token, errc code, const std::string& text);
  /// Ends all calls that have not ended.
  void fail_all(const error& why);

  /// Returns the number of calls that have not ended, including calls that wait for a route.
  [[nodiscard]] std::size_t in_flight() const noexcept { return slots_.size() - free_.size(); }
  [[nodiscard]] std::size_t waiting_names() const noexcept { return waiting_.size(); }

private:
  enum class place : std::uint8_t { nowhere, waiting, sent };
  /// One call. The request is kept only while the call waits for a peer.
  struct slot {
    place where = place::nowhere;
    bool is_timed = false;    ///< a deadline entry for the call's own deadline exists
    std::uint8_t entries = 0; ///< deadline entries: the deadline, the end of the route wait
    std::uint32_t generation = 1;
    std::uint32_t serial = 0;
    connection_id at = 0;
    std::uint64_t token = 0;
    std::uint64_t order = 0; ///< position among the calls that wait for the same name
    instant deadline = never;
    std::optional<connection_id> only;
    std::unique_ptr<call_request> request;
  };

  [[nodiscard]] std::uint32_t take_slot();
  void dispatch(std::uint32_t at);
  void send(std::uint32_t at, connection& peer);
  void wait_for_route(std::uint32_t at);
  void stop_waiting(const slot& s);
  void refuse(std::uint32_t at, error why);
  void finish(std::uint32_t at, result<value> outcome);

  node_core& core_;
  peer_health& health_;
  std::vector<slot> slots_;
  std::vector<std::uint32_t> free_;
  /// Maps a name to its waiting slots, oldest first.
  std::unordered_map<std::string, std::map<std::uint64_t, std::uint32_t>> waiting_;
  std::uint64_t last_order_ = 0;
};

} // namespace patio::mesh
