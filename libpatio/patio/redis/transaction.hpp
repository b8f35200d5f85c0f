/// Finds out which commands of one MULTI and EXEC have run. A server that refuses MULTI, for
/// example by an access rule, runs the commands behind MULTI one by one, so a failed EXEC alone
/// proves nothing.
#pragma once

#include <vector>

#include <patio/redis/resp.hpp>

namespace patio::redis {

class transaction {
public:
  /// `commands` is the number of commands between MULTI and EXEC.
  explicit transaction(std::size_t commands) : commands_{commands}, missing_{commands + 2} {}

  /// Takes the next reply, from MULTI to EXEC. Returns true if all replies are there.
  [[nodiscard]] bool take(resp reply);
  /// The number of replies that have not come yet.
  [[nodiscard]] std::size_t missing() const noexcept { return missing_; }

  /// Returns one reply for each command, once all replies are there. If the server has discarded
  /// the commands, each reply is the error that says why. Fails if it is unknown what the commands
  /// have done, or whether the connection is still in the transaction; the connection must then
  /// end.
  [[nodiscard]] result<std::vector<resp>> outcome();
  /// The error of MULTI or EXEC, or an empty text if the commands ran as a transaction.
  [[nodiscard]] const std::string& refused() const noexcept { return refused_; }

private:
  std::size_t commands_;
  std::size_t missing_;
  bool has_begun_ = false; ///< the server has accepted MULTI
  bool is_queued_ = false; ///< the server has queued a command
  std::string refused_;
  std::vector<resp> direct_; ///< the replies of the commands that were not queued
  resp exec_;
};

} // namespace patio::redis
