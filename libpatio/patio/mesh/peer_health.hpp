/// Tracks which peers are healthy: a healthy peer answers probes, does not keep failing, and reads
/// its bytes. The connection holds the record; the router gets the result. This is a part of one
/// node.
#pragma once

#include <patio/mesh/node_core.hpp>

namespace patio::mesh {

class peer_health {
public:
  explicit peer_health(node_core& core) noexcept : core_{core} {}

  /// Checks that the last probe was answered and sends the next probe. Closes the connection of a
  /// peer that has missed too many probes.
  void probe(connection& c);
  /// Resets the missed probes. Any discovery shows that the peer is alive.
  void answered_probe(connection& c);
  /// Ejects a peer after too many failures in a row, and readmits the peer later. If the next call
  /// fails again, the peer is ejected for longer.
  void record_outcome(connection& c, const result<value>& outcome);
  void readmit(connection& c, std::uint64_t ejection);
  /// Marks the peer as too slow a reader, or as fast enough again.
  void congested(connection& c, bool is_congested);

private:
  void update_route(const connection& c);

  node_core& core_;
};

} // namespace patio::mesh
