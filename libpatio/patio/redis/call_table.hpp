/// The calls of a node by number and by token, with the times at which they need attention.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include <patio/redis/event.hpp>

namespace patio::redis {

using call_number = std::uint64_t;

enum class call_stage : std::uint8_t {
  held,    ///< not sent
  sent,    ///< its task has been sent
  proving, ///< the deletion of its token decides
  late,    ///< has ended, but its reply may still come
};

/// The reason why the deletion of a token decides how a call ends.
enum class proof_cause : std::uint8_t {
  deadline,
  cancelled,
  lost,
  overloaded,   ///< unless a server was faster
  refused,      ///< the same, and the server has refused a part of the call
  unanswerable, ///< a key for its reply is no list
};

struct call {
  std::uint64_t token = 0; ///< the owner's
  std::string function = {};
  std::string reply_to = {};
  std::string body = {}; ///< the task, until the call is late
  instant deadline = never;
  instant due = never; ///< the time at which the call needs attention
  call_stage stage = call_stage::held;
  proof_cause cause = proof_cause::deadline;
  bool has_timeout = false;
  bool has_ended = false;     ///< the owner knows the end
  bool is_at_risk = false;    ///< a connection was lost that may have held its task or its reply
  bool owes_deletion = false; ///< its token has to be deleted once the server can be reached
  std::size_t waiting_link = 0;
  std::unique_ptr<error> refusal = {}; ///< with proof_cause::refused and unanswerable
};

class call_table {
public:
  /// `max_late` is the number of late calls that are kept.
  call_table(events& out, std::size_t max_late) : out_{out}, max_late_{max_late} {}

  call_number add(call c);
  [[nodiscard]] call* find(call_number number);
  [[nodiscard]] call* find(const std::string& reply_to, call_number& number);
  template <class F> // F(number, call&); must not add or remove calls
  void each(F f) {
    for (auto& [number, c] : calls_) f(number, c);
  }

  /// Sets the time at which pop_due() returns the call.
  void schedule(call_number number, call& c, instant due);
  [[nodiscard]] std::optional<call_number> pop_due(instant now);
  [[nodiscard]] instant next_due() const noexcept { return deadlines_.next(); }

  /// Tells the owner how the call has ended, unless it has ended before.
  void finish(call& c, result<value> outcome);
  /// Keeps a call that has ended, until `due`. Returns the number of the oldest such call if it has
  /// no room any more; the owner erases it.
  [[nodiscard]] std::optional<call_number> retire(call_number number, call& c, instant due);
  void erase(call_number number);

  [[nodiscard]] std::size_t unfinished() const noexcept { return unfinished_; }
  [[nodiscard]] std::size_t size() const noexcept { return calls_.size(); }
  [[nodiscard]] std::size_t body_bytes() const noexcept { return body_bytes_; }

private:
  events& out_;
  std::size_t max_late_;
  std::unordered_map<call_number, call> calls_;
  std::unordered_map<std::string, call_number> numbers_; ///< by reply_to
  deadline_heap<call_number> deadlines_;
  std::deque<call_number> late_; ///< the oldest first; some are erased
  call_number last_ = 0;
  std::size_t unfinished_ = 0;
  std::size_t body_bytes_ = 0;
};

} // namespace patio::redis
