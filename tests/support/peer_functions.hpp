/// The functions of interop/python_peer.py in C++, so that a test can use either peer.
#pragma once

#include <memory>

#include <patio/patio.hpp>

namespace patio::tests {

/// Holds the broker that `call_back` uses. Set it before the first call.
using broker_slot = std::shared_ptr<std::optional<broker_actor>>;

/// Returns a registry with add, mul, div, echo, lookup, house, never and call_back.
[[nodiscard]] registry peer_functions(const broker_slot& back);

} // namespace patio::tests
