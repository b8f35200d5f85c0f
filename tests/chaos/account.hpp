/// What became of every call of a run: how it ended, by its caller's lines, and how often it was
/// executed, by the server's record. A value type; knows no process and no clock.
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

  /// A line "e ID ENDING WAITED_MS ALLOWED_MS" of peer.hpp; any other is passed over.
  void line(std::string_view text);
  /// A digit for each id. What is beyond the calls is of probes.
  void executed(std::string_view digits);
  [[nodiscard]] bool all_ended() const noexcept { return ended_ == calls_.size(); }
  [[nodiscard]] const std::map<std::string, std::int64_t>& endings() const noexcept {
    return endings_;
  }

  struct sums {
    std::int64_t calls = 0, ended = 0, open = 0, ended_twice = 0;
    std::int64_t executed = 0, executed_twice = 0;
    std::int64_t wrong_values = 0;
    std::int64_t values_not_executed = 0; ///< a value although no function ran
    std::int64_t refusals_executed =
      0;                           ///< not_sent, no_route or overloaded although the function ran
    std::int64_t overdue = 0;      ///< ended later than its timeout and the grace allow
    std::int64_t early = 0;        ///< timed out before their time
    std::int64_t longest_wait = 0; ///< milliseconds, of those that ended
    std::int64_t longest_without_limit = 0; ///< the same of calls without a timeout
  };
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
