/// The connection on which a caller sends its commands. A reply belongs to the oldest command
/// without a reply.
#pragma once

#include <algorithm>
#include <deque>
#include <set>
#include <variant>

#include <patio/redis/call_table.hpp>
#include <patio/redis/key_type.hpp>
#include <patio/redis/link.hpp>
#include <patio/redis/transaction.hpp>

namespace patio::redis {

/// The server's answer to the task of a call.
struct task_sent {
  call_number number;
  std::optional<error> refused; ///< of one command; the task is in no list, unless `is_sent`
  bool is_sent;                 ///< the token and the task were stored
  std::size_t queue_length;     ///< of the function's list, with this task
};

/// The server's answer to the deletion of a call's token.
struct token_deleted {
  call_number number;
  bool was_there; ///< so nobody has begun the call, and nobody ever will
};

using command_reply = std::variant<task_sent, token_deleted, key_type>;

/// The calls whose commands had no reply when the connection was lost.
struct lost_commands {
  std::vector<call_number> unsent_tasks; ///< not a byte of them has left
  std::vector<call_number> tasks;
  std::vector<call_number> deletions;
};

class commands {
public:
  commands(link_number number, std::shared_ptr<const settings> options, events& out);

  link connection;

  // Call these only while the connection is ready.
  /// Sends the token and the task in one transaction, and with it the wake-up of a waiting_link if
  /// `wake_key` is not null.
  void send_task(call_number number, const call& c, const std::string* wake_key, instant now);
  void delete_token(call_number number, const std::string& reply_to, instant now);
  /// Tells a C++ server that runs the call to stop the function. Does nothing if the server has
  /// refused this on the same connection.
  void cancel(const call& c, instant now);
  /// Removes a task that nobody will begin.
  void remove_task(const call& c, instant now);
  void wake(const std::string& key, instant now);
  void ask_for_type(link_number owner, const std::string& key, instant now);

  void ping(std::uint64_t token, instant now);
  void list(std::uint64_t token, instant now);

  /// Handles replies. After a failure, the connection has to end.
  [[nodiscard]] result<void> receive(std::vector<resp>& replies, instant now,
                                     std::vector<command_reply>& out);
  [[nodiscard]] lost_commands lost(const error& why);
  /// Makes an idle connection prove that it works.
  void tick(instant now);
  [[nodiscard]] instant next_deadline() const noexcept;

private:
  enum class kind : std::uint8_t { task, deletion, cancellation, type, ignored, ping, scan };
  struct expected {
    commands::kind kind;
    std::uint64_t number = 0; ///< of the call or link, or the owner's token
    std::optional<redis::transaction> transaction = {}; ///< of a command that is one
    std::set<std::string> names = {};
    std::string key = {}; ///< whose type is asked for

    [[nodiscard]] std::size_t missing() const noexcept {
      return transaction ? std::max<std::size_t>(transaction->missing(), 1) : 1;
    }
  };

  [[nodiscard]] result<void> end(expected& e, resp& reply, instant now,
                                 std::vector<command_reply>& out);
  void end_cancellation(const resp& reply);
  [[nodiscard]] static result<void> end_transaction(expected& e, std::vector<command_reply>& out);
  [[nodiscard]] result<void> end_scan(expected& e, const resp& last, instant now);
  void scan(std::string_view cursor, expected e, instant now);

  std::shared_ptr<const settings> options_;
  events& out_;
  std::deque<expected> expected_;
  bool refuses_cancellations_ = false;
  instant probe_at_{};
};

} // namespace patio::redis
