/// A connection that waits for the replies of several calls, in one BLPOP over all their keys. To
/// add a call to a BLPOP that is under way, the owner pushes to the private wake list, on another
/// connection.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include <patio/redis/key_type.hpp>
#include <patio/redis/link.hpp>

namespace patio::redis {

using call_number = std::uint64_t;

/// A reply that a BLPOP has popped for a call.
struct popped_reply {
  std::string reply_to;
  bool is_error = false;
  resp body;
};

class waiting_link {
public:
  waiting_link(link_number number, std::shared_ptr<const settings> options);

  link connection;

  void add(call_number call) { calls_.insert(call); }
  void remove(call_number call) {
    calls_.erase(call);
    asked_.erase(call);
  }
  [[nodiscard]] std::size_t size() const noexcept { return calls_.size(); }
  /// The calls that the BLPOP under way covers. If the connection is lost, one reply may be lost.
  [[nodiscard]] const std::set<call_number>& asked() const noexcept { return asked_; }

  /// True if a call waits for the next BLPOP, and nobody has pushed to the wake list yet.
  [[nodiscard]] bool needs_wake() const noexcept;
  [[nodiscard]] const std::string& wake_key() const noexcept { return wake_key_; }
  /// The owner has pushed to the wake list, or does not know any more whether it has.
  void set_woken(bool woken) noexcept { is_woken_ = woken; }

  /// Sends the next BLPOP if there are calls and the connection is ready for it. `Names` returns
  /// the `reply_to` of a call.
  template <class Names>
  void ask(instant now, Names reply_to_of) {
    if (is_asking_ || is_in_doubt_ || calls_.empty() || !connection.is_ready()) return;
    keys_.clear();
    keys_.push_back("BLPOP");
    for (auto call : calls_) {
      const std::string& reply_to = reply_to_of(call);
      keys_.push_back(reply_to + ":result");
      keys_.push_back(reply_to + ":error");
    }
    send(now);
  }

  /// Handles the reply of the BLPOP. Returns nothing if no reply was popped. Fails if the server
  /// refuses the command or answers with something else.
  [[nodiscard]] result<std::optional<popped_reply>> answered(resp reply);
  /// The connection has ended.
  void lost() noexcept;

  /// A BLPOP has found a key that is no list. No BLPOP is sent until all types are known.
  [[nodiscard]] bool is_in_doubt() const noexcept { return is_in_doubt_; }
  [[nodiscard]] const std::set<call_number>& calls() const noexcept { return calls_; }
  /// The owner has asked for the types of this number of keys.
  void begin_check(std::size_t keys) noexcept { missing_types_ = keys; }
  /// Takes the type of a key. Another key replaces a wake list that is no list.
  void take(const key_type& answer);

private:
  void send(instant now);

  std::shared_ptr<const settings> options_;
  std::string wake_key_;
  std::set<call_number> calls_, asked_;
  std::vector<std::string> keys_;
  bool is_asking_ = false; ///< a BLPOP is under way
  bool is_woken_ = false;
  bool is_in_doubt_ = false;
  std::size_t missing_types_ = 0;
};

/// Returns the error of a command that the server has refused.
[[nodiscard]] error refusal(const resp& reply);

} // namespace patio::redis
