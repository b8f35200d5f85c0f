/// The requests of one connection that wait in one queue of this node. Workers on other threads
/// report which requests have begun.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>

#include <patio/base/inbox.hpp>
#include <patio/base/queue_place.hpp>
#include <patio/mesh/connection_id.hpp>
#include <patio/mesh/credit_window.hpp>

namespace patio::mesh {

/// The connections to which the node can grant credit, because a worker has taken a call.
struct credit_inbox {
  inbox<connection_id> due;
  std::function<void()> wake; ///< see node_options::wake
};

/// What the node and the workers share about a queue of one connection.
struct queue_ledger {
  static constexpr std::size_t no_wake = std::numeric_limits<std::size_t>::max();

  queue_ledger(connection_id id, std::shared_ptr<credit_inbox> of_node)
      : connection{id}, node{std::move(of_node)} {}

  /// A request leaves the queue. Any thread.
  void leave() noexcept;

  const connection_id connection;
  const std::shared_ptr<credit_inbox> node;
  std::atomic<std::size_t> waiting{0};
  std::atomic<std::int64_t> last_wait{0}; ///< of the last request that has begun, in nanoseconds
  /// When so few requests wait, the node can grant more credit.
  std::atomic<std::size_t> wake_at{no_wake};
};

/// A request's share of the node's memory, and its place in a queue.
class inbound_share final : public queue_place {
public:
  using byte_count = std::shared_ptr<std::atomic<std::size_t>>;

  /// `queue` is null for a request that needs no credit.
  inbound_share(byte_count of_connection, byte_count of_node, std::size_t bytes,
                std::shared_ptr<queue_ledger> queue, instant now);
  ~inbound_share() override;

  void begin(instant now) noexcept override;
  void leave() noexcept override;

private:
  byte_count of_connection_, of_node_;
  std::size_t bytes_;
  std::shared_ptr<queue_ledger> queue_;
  instant arrived_;
  std::atomic_flag has_left_;
};

/// A queue as the node sees it.
struct inbound_queue {
  credit_window window;
  std::shared_ptr<queue_ledger> ledger;
  std::uint64_t arrived = 0;    ///< requests since the login
  std::size_t bytes_of_one = 0; ///< arguments of a request, a moving average
};

} // namespace patio::mesh
