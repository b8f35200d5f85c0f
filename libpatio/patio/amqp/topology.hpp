/// The part of the connection that this node's own calls need: the result queue with its consumer,
/// the exchange for dead letters, and the channel for calls. Part of a node; one for each
/// connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include <patio/amqp/node_core.hpp>

namespace patio::amqp {

/// The exchange through which calls that nobody took in time come back to their callers.
inline constexpr std::string_view dead_letter_exchange = "rpc.dlx";

/// The type and the headers, encoded, of the messages that cancel calls (cancellation.hpp).
inline constexpr std::string_view cancellation_type = "cancel";
[[nodiscard]] const std::string& cancellation_headers();

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

  [[nodiscard]] bool can_receive() const noexcept {
    return !results_answers_.empty() && results_step_ == results_answers_.size();
  }
  [[nodiscard]] bool can_call() const noexcept { return can_receive() && calls_step_ == 2; }
  [[nodiscard]] const std::string& result_queue() const noexcept { return result_queue_; }
  /// The headers of a call, encoded.
  [[nodiscard]] const std::string& call_headers() const noexcept { return call_headers_; }

private:
  void declare_results();
  void bind(const std::string& match);
  void open_calls();

  node_core& core_;
  std::string result_queue_, call_headers_, consumer_tag_;
  std::vector<method_id> results_answers_;        ///< the answers to come, in order
  std::size_t results_step_ = 0, calls_step_ = 0; ///< answers that have arrived
  unsigned attempts_ = 0;
  std::deque<std::uint64_t> pings_; ///< tokens, in order
};

} // namespace patio::amqp
