/// A connection of a node: the session, the optional TLS engine, and the peer's record. One node
/// owns it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <patio/base/backoff.hpp>
#include <patio/mesh/inbound_queue.hpp>
#include <patio/mesh/node_event.hpp>
#include <patio/protocol/session.hpp>
#include <patio/tls/tls.hpp>

namespace patio::mesh {

/// Records a peer's recent answers and failures (peer_health.hpp).
struct peer_record {
  std::size_t heard = 0;      ///< bytes received since the last probe was due, or since the begin
  unsigned missed_probes = 0; ///< in a row
  unsigned failures = 0;      ///< calls in a row that the peer refused or let time out
  bool is_ejected = false;    ///< because of `failures`
  std::uint64_t ejections = 0;
  backoff ejection_time;
};

/// The end of the stream. The node keeps it while a payload is being decoded, and handles the
/// earlier frames first.
struct stream_end {
  std::optional<error> why; ///< the reason to close, if already known
  std::uint64_t sent = 0;   ///< see node::close
};

/// The calls of a peer.
struct inbound_record {
  std::shared_ptr<connection_ledger> ledger = {};
  /// Our queues, by number. Empty for a peer that uses no credit.
  std::vector<inbound_queue> queues = {};
  bool waits_for_bytes = false; ///< a credit_due is scheduled
};

/// The queues of a peer's functions.
class peer_queues {
public:
  [[nodiscard]] protocol::queue_number of(std::string_view name) {
    if (all_.empty()) return 0;
    if (name == last_name_) return last_;
    auto at = all_.find(name);
    last_name_ = name; // before the number, because the copy may throw
    return last_ = at == all_.end() ? protocol::queue_number{0} : at->second;
  }
  void replace(protocol::queue_map all) {
    all_ = std::move(all);
    last_name_.reset();
  }

private:
  protocol::queue_map all_;
  /// The result of the last lookup is kept, because many calls in a row have one name.
  std::optional<std::string> last_name_;
  protocol::queue_number last_ = 0;
};

class connection {
public:
  connection(connection_id number, role side, std::string where, std::string nonce,
             std::shared_ptr<const protocol::session_options> options,
             std::unique_ptr<tls::engine> engine);

  [[nodiscard]] bool has_output();
  /// Swaps the bytes to send with `out`, which must be empty. With TLS, encrypts the session's
  /// bytes first.
  void take_output(std::string& out);
  [[nodiscard]] bool is_ready() const noexcept {
    return session.state() == protocol::session::state::ready;
  }
  [[nodiscard]] bool is_closed() const noexcept {
    return session.state() == protocol::session::state::closed;
  }
  /// We accepted the connection, and the peer has not sent a byte yet.
  [[nodiscard]] bool is_silent() noexcept;
  [[nodiscard]] peer_info info();
  /// Returns true if the peer takes a call for this queue of the peer now. A call to a peer that
  /// does not read is not held, but refused.
  [[nodiscard]] bool has_room(protocol::queue_number queue) {
    return is_congested || session.credit().has_room(queue);
  }
  [[nodiscard]] bool has_room(std::string_view name) { return has_room(queues.of(name)); }

  const connection_id id;
  const std::string address; ///< HOST:PORT of the other end
  protocol::session session;
  std::unique_ptr<tls::engine> tls; ///< null for an unencrypted connection
  std::vector<std::string> names;   ///< served by the peer
  peer_queues queues;
  bool is_announced = false;        ///< the owner has got peer_ready
  bool is_dirty = false;            ///< in the node's list of connections with output
  bool is_congested = false;        ///< the peer reads too slowly
  std::string plain;                ///< decrypted bytes that the session still reads
  std::optional<error> tls_failure; ///< ends the connection after the earlier frames
  std::optional<stream_end> end;
  bool ran_out_of_memory = false; ///< while it handled frames; the connection must close
  peer_record record;
  inbound_record inbound;
};

} // namespace patio::mesh
