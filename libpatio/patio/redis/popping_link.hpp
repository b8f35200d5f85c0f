/// A connection that pops tasks of a group of functions. Each BLPOP is a promise to run what it
/// pops, so there are never more of them than free workers. They are sent ahead: the server handles
/// them one after another.
#pragma once

#include <optional>
#include <string>
#include <vector>

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

  /// Sends as many BLPOPs as workers are free.
  void ask(instant now);
  /// Returns a task, or nothing for a BLPOP that ended without a task. Fails if the server refuses
  /// the command.
  [[nodiscard]] result<std::optional<popped_task>> answered(resp reply);
  void lost() noexcept { asked_ = 0; }
  /// Ends the BLPOPs under way without closing their connection, because a task that the server has
  /// just popped would be lost with the connection. Does nothing while `commands` is not ready.
  void end_waits(server_commands& commands, instant now);

  /// A worker takes a task, or is free again.
  void begin() noexcept { ++busy_; }
  void end() noexcept { --busy_; }

  /// BLPOPs under way.
  [[nodiscard]] std::size_t asked() const noexcept { return asked_; }
  [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_; }

private:
  std::shared_ptr<const settings> options_;
  std::vector<std::string> names_;
  std::string wake_key_; ///< a push to this list ends a BLPOP before it pops a task
  std::size_t workers_;
  std::size_t busy_ = 0;
  std::size_t asked_ = 0;
  std::size_t first_name_ = 0; ///< BLPOP prefers its first list, so each begins with another one
};

} // namespace patio::redis
