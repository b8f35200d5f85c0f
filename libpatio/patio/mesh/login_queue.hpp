/// Accepted connections before their login. One node owns the queue.
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
  /// Returns the connection to close when there are too many. This is the oldest connection if it
  /// has waited for `patience`, else the oldest one from the network with the most connections. The
  /// queue must not be empty.
  [[nodiscard]] connection_id least_promising(instant now, std::chrono::nanoseconds patience) const;

private:
  struct newcomer {
    std::string network; ///< network_of the peer's address
    instant since;
  };
  std::map<connection_id, newcomer> waiting_; ///< oldest first, because ids increase
};

} // namespace patio::mesh
