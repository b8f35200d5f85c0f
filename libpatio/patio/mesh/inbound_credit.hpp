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
  /// Counts a request that has arrived for a function, and returns its queue. Returns null if the
  /// function's calls need no credit.
  [[nodiscard]] inbound_queue* count(connection& c, const registry_entry& function,
                                     std::size_t bytes);
  /// True if the peer has sent more requests than its credit allows.
  [[nodiscard]] bool is_exceeded(connection& c, const inbound_queue& q) const;
  /// Handles the report of a peer whose calls wait.
  void used(connection& c, const protocol::queue_total& all);
  /// Grants credit for the requests that have left the queues.
  void update(connection& c);
  /// Grants the credit that workers have asked for.
  void update_all();

  /// Returns the counter of the argument bytes of all requests.
  [[nodiscard]] const inbound_share::byte_count& held() const noexcept { return held_; }

private:
  using queue_key = std::pair<std::string, priority>; ///< executor and priority

  [[nodiscard]] protocol::queue_number queue_of(const registry_entry& function) const;
  [[nodiscard]] std::size_t size_of(const connection& c, const inbound_queue& q) const;
  void update(connection& c, protocol::queue_number number);

  node_core& core_;
  std::map<queue_key, protocol::queue_number, std::less<>> numbers_;
  protocol::queue_map queues_;        ///< of the functions outside queue 0
  std::vector<credit_bounds> bounds_; ///< by queue
  std::shared_ptr<credit_inbox> inbox_ = std::make_shared<credit_inbox>();
  inbound_share::byte_count held_; ///< argument bytes of all requests
};

} // namespace patio::mesh
