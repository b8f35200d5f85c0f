/// The part of the connection that this node's own calls need: the result queue with its consumer,
/// the exchange for dead letters, and the channel for calls. Part of a node; one for each
/// connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include <patio/amqp/node_core.hpp>

namespace patio::amqp {

/// The exchange through which calls that nobody took in time come back to their callers.
inline constexpr std::string_view dead_letter_exchange = "rpc.dlx";

class topology {
public:
  explicit topology(node_core& core) noexcept : core_{core} {}

  /// Declares everything, on a connection that has just opened.
  void begin();
  /// Forgets everything: the connection has ended.
  void reset();
  /// Makes one round trip to the server, which ends with a ping_finished event.
  void ping(std::uint64_t token);
  /// Handles a method of the results channel or of the calls channel. Fails if the connection
  /// cannot be used and must be closed.
  [[nodiscard]] result<void> handle(const method_arrived& arrived);
  [[nodiscard]] result<void> handle(const channel_closed& closed);

  [[nodiscard]] bool can_receive() const noexcept { return results_step_ == results_steps; }
  [[nodiscard]] bool can_call() const noexcept { return can_receive() && calls_step_ == 2; }
  [[nodiscard]] const std::string& result_queue() const noexcept { return result_queue_; }
  /// The headers of a call, encoded.
  [[nodiscard]] const std::string& call_headers() const noexcept { return call_headers_; }

private:
  static constexpr std::size_t results_steps = 5; ///< answers of the server

  void declare_results();
  void open_calls();

  node_core& core_;
  std::string result_queue_, call_headers_, consumer_tag_;
  std::size_t results_step_ = 0, calls_step_ = 0; ///< answers that have arrived
  unsigned attempts_ = 0;
  std::deque<std::uint64_t> pings_; ///< tokens, in order
};

} // namespace patio::amqp
