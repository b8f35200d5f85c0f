/// The queues of the functions that this node serves: declares them and consumes from them, on the
/// serve channel. Part of a node. A queue that RabbitMQ refuses does not affect the others: the
/// node declares it again on a channel of its own, whose end ends no call.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <patio/amqp/node_core.hpp>
#include <patio/base/backoff.hpp>

namespace patio::amqp {

/// A function with its queue.
struct consumer {
  enum class state : std::uint8_t {
    idle,
    declaring,
    declared,
    starting,
    consuming,
    refused,    ///< until the next connection
    unavailable ///< for now; `retry_at` says when the node tries again
  };
  const registry_entry* entry = nullptr;
  served_function options = {};
  state current = state::idle;
  std::string tag = {};
  bool is_reported = false; ///< that it is unavailable
  instant retry_at = never; ///< when to declare the queue again
  backoff wait = backoff{};
};

class consumers {
public:
  explicit consumers(node_core& core);

  /// Opens the channel and declares the queues, on a connection that can receive replies.
  void begin();
  /// Forgets everything: the connection has ended.
  void reset();
  /// Handles a method of the serve channel, except confirms. Fails if the server breaks the
  /// protocol.
  [[nodiscard]] result<void> handle(const amqp::method& m);
  /// Handles the end of the serve channel. The calls of the channel come again.
  void handle(const channel_closed& closed);
  /// Handles a method of the probe channel.
  [[nodiscard]] result<void> handle_probe(const amqp::method& m);
  /// Handles the end of the probe channel.
  void handle_probe(const channel_closed& closed);
  /// Declares the queues whose time has come.
  void tick();
  [[nodiscard]] instant next_deadline() const noexcept;
  /// Stops consuming. Calls that have arrived are not affected.
  void cancel();

  /// Returns null for an unknown consumer.
  [[nodiscard]] const consumer* find(std::string_view tag) const;
  /// True if every queue is consumed from, refused or unavailable.
  [[nodiscard]] bool is_settled() const noexcept;
  /// True if the server owes no answer, so that no call can arrive after cancel().
  [[nodiscard]] bool is_quiet() const noexcept { return owed_.empty(); }
  /// Counts the channels. A delivery tag is valid for one channel.
  [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_; }

private:
  enum class step_kind : std::uint8_t { open, confirm, qos, declare, consume, cancel };
  /// An answer that the server owes.
  struct step {
    step_kind what;
    std::size_t index = 0; ///< of the consumer
  };

  void open_channel();
  /// The serve channel has ended.
  void forget_channel();
  void declare(std::size_t index);
  void send_declare(channel_number channel, const consumer& c);
  /// Declares the next queue whose time has come on the probe channel.
  void probe_next();
  /// Returns the consumer whose declaration or consumption the server has refused, or null.
  consumer* culprit(const channel_closed& closed);
  void start(std::size_t index);
  void start_declared();
  void finish(const step& done);
  void refuse(consumer& c, const channel_closed& closed);
  void postpone(consumer& c);
  result<void> handle_cancel(std::string_view tag);

  node_core& core_;
  std::vector<consumer> all_;
  std::map<std::string, std::size_t, std::less<>> by_tag_;
  std::deque<step> owed_;
  std::uint64_t epoch_ = 0;
  instant reopen_at_ = never;
  backoff reopen_wait_;
  bool has_channel_ = false, has_probe_channel_ = false;
  std::optional<std::size_t> probed_; ///< index of the consumer whose queue is being probed
};

} // namespace patio::amqp
