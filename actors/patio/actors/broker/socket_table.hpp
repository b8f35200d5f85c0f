/// The sockets of a broker's open connections, by connection number and by CAF's handle. The table
/// also knows which of them have a backlog. One broker actor owns the table.
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <patio/actors/net/stream.hpp>
#include <patio/base/time_share.hpp>
#include <patio/mesh/connection_id.hpp>

namespace patio {

struct peer_socket {
  net::stream stream;
  std::string address;      ///< HOST:PORT of the other end, for the log
  std::uint64_t dial = 0;   ///< the dialler's number; 0 for an accepted connection
  time_share share;         ///< the part of the I/O thread's time that the connection has used
  std::string unread = {};  ///< received bytes that wait for the connection's turn
  instant ready_at = never; ///< the time of the login
  bool has_gap = false;     ///< output was lost because memory ran out, so no output may follow
};

class socket_table {
public:
  void add(connection_id id, peer_socket c);
  /// Returns null for a connection that has ended.
  [[nodiscard]] peer_socket* find(connection_id id);
  /// Removes a connection that is in the table.
  [[nodiscard]] peer_socket take(connection_id id);

  /// Returns 0 for a handle that no longer belongs to a connection.
  [[nodiscard]] connection_id id_of(caf::io::connection_handle handle) const noexcept;
  /// CAF has closed the socket and may give its handle to another connection.
  void forget_handle(caf::io::connection_handle handle) { ids_.erase(handle.id()); }

  /// Call this after each change of a stream's backlog.
  void track_backlog(connection_id id, const net::stream& s);
  [[nodiscard]] bool has_backlog() const noexcept { return !backlogged_.empty(); }
  [[nodiscard]] std::vector<connection_id> stalled(instant now);

private:
  std::unordered_map<connection_id, peer_socket> sockets_;
  std::unordered_map<std::int64_t, connection_id> ids_;
  std::unordered_set<connection_id> backlogged_;
};

} // namespace patio
