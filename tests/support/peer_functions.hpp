/// The functions of interop/python_peer.py in C++, so that either can be the peer of a test.
#pragma once

#include <memory>

#include <patio/patio.hpp>

namespace patio::tests {

/// The broker that `call_back` calls through; set it before the first call.
using broker_slot = std::shared_ptr<std::optional<broker_actor>>;

/// add, mul, div, echo, lookup, house, never, call_back.
[[nodiscard]] registry peer_functions(const broker_slot& back);

} // namespace patio::tests
