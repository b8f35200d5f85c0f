/// The requests of one connection that wait in the queues of this node. Workers on other threads
/// report which requests have begun.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <utility>

#include <patio/base/inbox.hpp>
#include <patio/base/queue_place.hpp>
#include <patio/mesh/connection_id.hpp>
#include <patio/mesh/credit_window.hpp>

namespace patio::mesh {

/// A node shares these counters with all workers.
struct node_ledger {
  std::atomic<std::size_t> bytes{0}; ///< arguments of all peers' calls
  inbox<connection_id> due;          ///< connections to which the node can grant credit now
  std::function<void()> wake;        ///< see node_options::wake
};

/// A node shares these counters of one queue of a connection with the workers.
struct queue_counts {
  static constexpr std::size_t no_wake = std::numeric_limits<std::size_t>::max();

  std::atomic<std::size_t> waiting{0};
  std::atomic<std::int64_t> last_wait{0}; ///< of the last request that has begun, in nanoseconds
  /// The node can grant more credit when at most this many requests wait.
  std::atomic<std::size_t> wake_at{no_wake};
};

/// A node shares these counters of one connection with the workers.
struct connection_ledger {
  connection_ledger(connection_id id, std::shared_ptr<node_ledger> of_node)
      : connection{id}, node{std::move(of_node)} {}

  /// A request leaves the queue. Any thread.
  void leave(queue_counts& queue) noexcept;

  const connection_id connection;
  const std::shared_ptr<node_ledger> node;
  std::atomic<std::size_t> bytes{0};      ///< arguments of the peer's calls
  std::unique_ptr<queue_counts[]> queues; ///< null before the peer uses credit; then never replaced
};

/// A request's share of the node's memory, and its place in a queue.
class inbound_share final : public queue_place {
public:
  /// `queue` belongs to the ledger. It is null for a request that needs no credit.
  inbound_share(std::shared_ptr<connection_ledger> ledger, std::size_t bytes, queue_counts* queue,
                instant now);
  ~inbound_share() override;

  void begin(instant now) noexcept override;
  void leave() noexcept override;

private:
  [[nodiscard]] bool leaves_now() noexcept {
    return queue_ && !has_left_.test(std::memory_order_relaxed) && !has_left_.test_and_set();
  }

  std::shared_ptr<connection_ledger> ledger_;
  queue_counts* queue_;
  std::size_t bytes_;
  instant arrived_;
  std::atomic_flag has_left_;
};

/// A queue as the node sees it.
struct inbound_queue {
  credit_window window;
  std::uint64_t arrived = 0;    ///< requests since the login
  std::size_t bytes_of_one = 0; ///< arguments of a request, a moving average
};

} // namespace patio::mesh
