/// The base of every actor with connections in this library.
#pragma once

#include <utility>

#include <caf/io/broker.hpp>

namespace patio::net {

/// Closes its mailbox when it ends, unlike a broker of CAF 0.17, whose later callers would wait
/// forever.
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
