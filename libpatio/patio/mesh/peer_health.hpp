/// Which peers can be trusted with a call: those that answer, do not keep failing, and read. The
/// record is the connection's; the router is told the outcome. A part of one node.
#pragma once

#include <patio/mesh/node_core.hpp>

namespace patio::mesh {

class peer_health {
public:
  explicit peer_health(node_core& core) noexcept : core_{core} {}

  /// Looks at the answer to the last probe and sends the next one. Closes the connection of a peer
  /// that has missed too many.
  void probe(connection& c);
  /// Any discovery shows that the peer lives.
  void answered_probe(connection& c);
  /// Ejects a peer whose calls keep failing for a while, then tries it again. One more failure
  /// ejects the peer for longer.
  void record_outcome(connection& c, const result<value>& outcome);
  void readmit(connection& c, std::uint64_t ejection);
  /// The peer reads too slowly, or fast enough again.
  void congested(connection& c, bool is_congested);

private:
  void update_route(const connection& c);

  node_core& core_;
};

} // namespace patio::mesh
