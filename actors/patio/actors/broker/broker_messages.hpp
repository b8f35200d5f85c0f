/// Messages that a broker gets from itself and from its connector.
#pragma once

#include <memory>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/atom.hpp>

#include <patio/actors/os/host_dial.hpp>
#include <patio/value/error.hpp>

namespace patio {

/// The outcome of a dial on its way from the connector to the broker.
using dialled_socket = std::shared_ptr<result<connected_socket>>;
using dialled_atom = caf::atom_constant<caf::atom("dialled")>;

/// From a broker to itself: write the output that the handled messages have caused.
using flush_atom = caf::atom_constant<caf::atom("flush")>;

} // namespace patio

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(patio::dialled_socket)
