/// The fate of every call of a run. The lines of its caller say how a call ended, and the record of
/// the server says how often it was executed. A value type, without processes and clocks.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace patio::chaos {

class account {
public:
  explicit account(std::int64_t calls) : calls_(static_cast<std::size_t>(calls)) {}

  /// Takes a line "e ID ENDING WAITED_MS ALLOWED_MS" (see peer.hpp). Ignores all other lines.
  void line(std::string_view text);
  /// Takes the server's record, which has a digit for each id. The digits after the last call
  /// belong to probes.
  void executed(std::string_view digits);
  [[nodiscard]] bool all_ended() const noexcept { return ended_ == calls_.size(); }
  [[nodiscard]] const std::map<std::string, std::int64_t>& endings() const noexcept {
    return endings_;
  }

  struct sums {
    std::int64_t calls = 0, ended = 0, open = 0, ended_twice = 0;
    std::int64_t executed = 0, executed_twice = 0;
    std::int64_t wrong_values = 0;
    std::int64_t values_not_executed = 0; ///< gave a value although the function did not run
    /// Ended as not_sent, no_route or overloaded although the function ran.
    std::int64_t refusals_executed = 0;
    std::int64_t overdue = 0;               ///< ended later than the timeout and the grace allow
    std::int64_t early = 0;                 ///< ended as a timeout before the timeout
    std::int64_t longest_wait = 0;          ///< milliseconds, of the calls that ended
    std::int64_t longest_without_limit = 0; ///< the same for calls without a timeout
  };
  /// Adds all calls up. A call may end `grace_ms` after its timeout.
  [[nodiscard]] sums close(std::int64_t grace_ms) const;

private:
  struct call {
    std::string ending;
    std::int64_t waited = 0, allowed = -1;
    int endings = 0, executions = 0;
  };
  std::vector<call> calls_;
  std::size_t ended_ = 0;
  std::map<std::string, std::int64_t> endings_;
};

} // namespace patio::chaos
