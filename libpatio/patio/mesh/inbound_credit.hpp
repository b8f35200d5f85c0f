/// Grants credit to the callers of this node, so that they hold the calls that would only wait in a
/// queue here. This is a part of one node.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <patio/base/priority.hpp>
#include <patio/mesh/node_core.hpp>

namespace patio::mesh {

class inbound_credit {
public:
  /// The functions of the core are complete.
  explicit inbound_credit(node_core& core);

  /// Tells the queues to a peer that has become ready, and grants its first credit.
  void begin(connection& c);
  /// Counts a request that has arrived for a function, and returns the function's queue.
  protocol::queue_number count(connection& c, const registry_entry& function, std::size_t bytes);
  /// True if the peer has sent more requests for the queue than its credit allows.
  [[nodiscard]] static bool is_exceeded(connection& c, protocol::queue_number number) {
    return number != protocol::no_queue && c.session.status().agreed.credit
           && c.inbound.queues[static_cast<std::size_t>(number)].arrived
                > c.session.credit().given(number);
  }
  /// Handles the report of a peer whose calls wait.
  void used(connection& c, const protocol::queue_total& all);
  /// Grants credit for the requests that have left the queues.
  void update(connection& c);
  /// Grants the credit that had to wait for memory.
  void bytes_may_be_free(connection& c);
  /// Grants the credit that workers have asked for.
  void update_all() noexcept;

  [[nodiscard]] const std::shared_ptr<node_ledger>& ledger() const noexcept { return ledger_; }

private:
  using queue_key = std::pair<std::string, priority>; ///< executor and priority

  [[nodiscard]] protocol::queue_number queue_of(const registry_entry& function) const;
  [[nodiscard]] std::size_t size_of(const connection& c, const inbound_queue& q) const;
  [[nodiscard]] bool has_bytes(const connection& c, const inbound_queue& q) const;
  void grant(connection& c, protocol::queue_number number);
  /// Returns how many more requests the peer may send for the queue.
  [[nodiscard]] static std::uint64_t unused(connection& c, protocol::queue_number number);

  node_core& core_;
  std::map<queue_key, protocol::queue_number, std::less<>> numbers_;
  protocol::queue_map queues_;        ///< of the functions outside queue 0
  std::vector<credit_bounds> bounds_; ///< by queue
  std::shared_ptr<node_ledger> ledger_ = std::make_shared<node_ledger>();
};

} // namespace patio::mesh
