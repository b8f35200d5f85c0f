/// A configuration for actor systems that run this library. It loads the middleman and sets the
/// options that were measured to be fastest for this library.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <patio/base/api.hpp>

namespace PATIO_API patio {

/// A program with its own configuration does not need this class: `load<caf::io::middleman>()` is
/// enough.
class system_config : public caf::actor_system_config {
public:
  /// Sets the scheduler `sharing`, whose idle workers do not poll, and one read in a row from each
  /// socket. Throws std::system_error if the limits of the process leave too few descriptors or too
  /// little address space for an actor system.
  system_config();
};

} // namespace patio
