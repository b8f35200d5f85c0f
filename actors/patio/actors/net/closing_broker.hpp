/// The base of every broker actor of this library. It mends the end of CAF's own.
#pragma once

#include <utility>

#include <caf/io/broker.hpp>

namespace patio::net {

/// The mailbox of a dead CAF 0.17 broker stays open, so that a later caller would wait forever.
class closing_broker : public caf::io::broker {
public:
  using broker::broker;
  bool cleanup(caf::error&& reason, caf::execution_unit* host) override {
    close_all();
    // Unlike abstract_broker's, this one closes the mailbox.
    return caf::scheduled_actor::cleanup(std::move(reason), host);
  }
};

} // namespace patio::net
