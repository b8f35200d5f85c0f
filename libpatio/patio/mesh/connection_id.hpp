/// Identifies a connection of a node.
#pragma once

#include <cstdint>

namespace patio {

/// Counts a node's connections from 1. A number is never used again, unlike a socket's descriptor.
using connection_id = std::uint64_t;

} // namespace patio
