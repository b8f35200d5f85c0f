/// A connection that pops tasks of a group of functions. Each BLPOP is a promise to run what it
/// pops, so there are never more of them than free workers. They are sent ahead: the server handles
/// them one after another.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <patio/redis/popped_names.hpp>
#include <patio/redis/server_commands.hpp>

namespace patio::redis {

struct popped_task {
  std::string list;
  resp body;
};

class popping_link {
public:
  popping_link(link_number number, std::shared_ptr<const settings> options,
               std::vector<std::string> names, std::size_t workers);

  link connection;

  /// Sends as many BLPOPs as workers are free. Sends none while a key may be no list.
  void ask(instant now);
  /// Returns a task, or nothing for a BLPOP that ended without a task or found a key that is no
  /// list. Fails if the server refuses the command for another reason.
  [[nodiscard]] result<std::optional<popped_task>> answered(resp reply);
  void lost() noexcept { asked_ = 0; }

  /// Asks for the types of all keys after a BLPOP has found one that is no list, and after a pause
  /// for the types of the keys that were left out. `owner` comes back with the answers.
  void ask_for_types(server_commands& commands, std::uint64_t owner, instant now);
  /// Returns a line for the log, or nothing. Fails if the server does not tell the type.
  [[nodiscard]] result<std::optional<log_line>> take(const key_type& answer,
                                                     server_commands& commands, instant now);
  /// The answers to the questions above will not come.
  void commands_lost() noexcept { missing_types_ = 0; }
  [[nodiscard]] instant next_check() const noexcept;

  /// Ends the BLPOPs under way without closing their connection, because a task that the server has
  /// just popped would be lost with the connection. Does nothing while `commands` is not ready.
  void end_waits(server_commands& commands, instant now);

  /// A worker takes a task, or is free again.
  void begin() noexcept { ++busy_; }
  void end() noexcept { --busy_; }

  /// BLPOPs under way.
  [[nodiscard]] std::size_t asked() const noexcept { return asked_; }
  [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_.all(); }

private:
  std::shared_ptr<const settings> options_;
  popped_names names_;
  std::string wake_key_; ///< a push to this list ends a BLPOP before it pops a task
  std::size_t workers_;
  std::size_t busy_ = 0;
  std::size_t asked_ = 0;
  std::size_t missing_types_ = 0; ///< answers to questions for types
  bool is_in_doubt_ = false;      ///< a key is no list
};

} // namespace patio::redis
