/// Accepted connections that have not logged in yet. A resource of one node.
#pragma once

#include <map>
#include <string>

#include <patio/base/time.hpp>
#include <patio/mesh/connection_id.hpp>

namespace patio::mesh {

class login_queue {
public:
  void add(connection_id id, std::string network, instant now) {
    waiting_.emplace(id, newcomer{std::move(network), now});
  }
  void remove(connection_id id) { waiting_.erase(id); }
  [[nodiscard]] std::size_t size() const noexcept { return waiting_.size(); }
  /// The connection to close when there are too many: the oldest, if it has had `patience`, else
  /// the oldest of the network that has most of them. The queue must not be empty.
  [[nodiscard]] connection_id least_promising(instant now, std::chrono::nanoseconds patience) const;

private:
  struct newcomer {
    std::string network; ///< network_of the peer's address
    instant since;
  };
  std::map<connection_id, newcomer> waiting_; ///< the oldest first
};

} // namespace patio::mesh
