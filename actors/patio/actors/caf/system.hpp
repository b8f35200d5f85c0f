/// A configuration for actor systems that run this library: what was measured to suit it, and the
/// middleman loaded.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

namespace patio {

/// For programs of one's own; an embedding program with a configuration of its own needs
/// `load<caf::io::middleman>()` only.
class system_config : public caf::actor_system_config {
public:
  /// Scheduler `sharing`, whose idle workers do not poll, and few reads in a row from one socket.
  system_config();
};

} // namespace patio
