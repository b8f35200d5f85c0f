/// Identifies a connection of a node.
#pragma once

#include <cstdint>

namespace patio {

/// The number of a connection, counted from 1. Unlike a socket's descriptor, a number is never used
/// again.
using connection_id = std::uint64_t;

} // namespace patio
