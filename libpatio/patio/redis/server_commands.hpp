/// The connection on which a server sends its commands. A reply belongs to the oldest command
/// without a reply.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <patio/redis/key_type.hpp>
#include <patio/redis/link.hpp>
#include <patio/redis/task.hpp>
#include <patio/redis/transaction.hpp>

namespace patio::redis {

/// The answer to a claim.
struct task_claimed {
  task_number number;
  bool is_claimed;                              ///< else the caller has given the call up
  std::optional<std::chrono::nanoseconds> left; ///< until the deadline of the caller, if it has one
  std::optional<error> refused;                 ///< why the server could not delete the token
};

/// The answer to a reply that was stored.
struct reply_stored {
  task_number number;
  std::optional<error> refused;
};

/// The running tasks that their callers have cancelled.
struct tasks_cancelled {
  std::vector<task_number> numbers;
};

using server_reply = std::variant<task_claimed, reply_stored, tasks_cancelled, key_type>;

class server_commands {
public:
  server_commands(link_number number, std::shared_ptr<const settings> options, events& out);

  link connection;

  // Call these only while the connection is ready.
  void claim(task_number number, const std::string& reply_to, instant now);
  void store(task_number number, const std::string& key, const std::string& body,
             std::chrono::nanoseconds life, instant now);
  /// Ends this number of BLPOPs that wait for the list `key`.
  void wake(const std::string& key, std::size_t pops, instant now);
  void announce(const std::string& name, instant now);

  void ask_for_type(std::uint64_t owner, const std::string& key, instant now);

  struct running_task {
    task_number number;
    std::string_view reply_to;
  };
  /// Asks which of these tasks their callers have cancelled. Does nothing if the server has refused
  /// this question on the same connection.
  void ask_for_cancellations(std::span<const running_task> tasks, instant now);

  /// Handles a reply. Returns nothing while further replies to the same command are missing, or if
  /// the reply does not matter. After a failure, the connection has to end.
  [[nodiscard]] result<std::optional<server_reply>> receive(resp reply);
  void lost() noexcept;

private:
  enum class kind : std::uint8_t { claim, store, cancellations, type, ignored };
  struct expected {
    server_commands::kind kind;
    std::uint64_t number = 0; ///< of the task, or who has asked for the type
    std::optional<redis::transaction> transaction = {}; ///< of a command that is one
    std::vector<task_number> asked = {};
    std::string key = {};
  };

  [[nodiscard]] std::optional<server_reply> end_cancellations(const expected& e, const resp& reply);

  std::shared_ptr<const settings> options_;
  events& out_;
  std::deque<expected> expected_;
  bool refuses_cancellations_ = false;
};

} // namespace patio::redis
