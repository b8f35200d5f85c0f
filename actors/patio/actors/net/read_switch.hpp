/// Turns the reading of a CAF connection off and on. CAF 0.17 mishandles two opposite changes in
/// one round of its loop: the connection is never read again, or is read although it was halted. A
/// read_switch makes at most one change in a round, and makes the last change that was asked for in
/// the end. A switch runs on CAF's I/O thread.
#pragma once

#include <memory>

#include <caf/io/broker.hpp>

namespace patio::net {

class read_switch {
public:
  /// `owner` has added the connection in this round, so CAF reads from it.
  read_switch(caf::io::broker* owner, caf::io::connection_handle connection);

  void set(bool on);
  /// Changes nothing any more, because the handle may belong to another connection.
  void close() noexcept { state_->closed = true; }

private:
  /// Outlives the switch until the next round. A stream that hangs up may be destroyed at once.
  struct state {
    caf::io::broker* owner;
    caf::io::connection_handle connection;
    bool wanted = true, current = true;
    bool has_changed = false; ///< in this round
    bool closed = false;
  };
  static void apply(const std::shared_ptr<state>& s);
  static void note_change(const std::shared_ptr<state>& s);

  std::shared_ptr<state> state_;
};

} // namespace patio::net
