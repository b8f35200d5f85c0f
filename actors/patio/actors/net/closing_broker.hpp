/// The base of every actor with connections in this library.
#pragma once

#include <utility>

#include <caf/io/broker.hpp>

namespace patio::net {

/// A broker that closes its mailbox when it ends. A plain broker of CAF 0.17 leaves the mailbox
/// open, so later callers would wait forever.
class closing_broker : public caf::io::broker {
public:
  using broker::broker;
  bool cleanup(caf::error&& reason, caf::execution_unit* host) override {
    close_all();
    // Skips abstract_broker::cleanup, which leaves the mailbox open.
    return caf::scheduled_actor::cleanup(std::move(reason), host);
  }
};

} // namespace patio::net
