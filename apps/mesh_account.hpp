/// Accounts for every call of a mesh, from the lines that its nodes print. A value, without
/// processes and without a clock.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace patio::apps {

/// The lines of a node:
///   "b CALL"                      the node begins the call
///   "e CALL ENDING MICROSECONDS"  the call ends at its caller
///   "x CALL"                      the node executes the call
///   "p PEERS"                     the number of the node's connections
///   "idle"                        the node has no open call and begins no more
/// Any other line is ignored.
class mesh_account {
public:
  void record(std::size_t node, std::string_view line);
  /// Records a kill: the calls that the node had begun cannot end any more.
  void killed(std::size_t node);
  /// Records a start or restart: the node is not idle.
  void started(std::size_t node);

  [[nodiscard]] bool all_idle() const;
  [[nodiscard]] std::size_t calls() const noexcept { return calls_.size(); }
  [[nodiscard]] std::size_t links() const;
  [[nodiscard]] std::size_t open() const;
  /// Returns the number of calls that ended with the right value.
  [[nodiscard]] std::size_t answered() const { return ended_as("value"); }
  /// Returns the number of calls that ended in any other way at a caller that lives.
  [[nodiscard]] std::size_t failed() const;
  /// Number of calls by ending: "value", "timeout" and so on, and "caller_killed".
  [[nodiscard]] const std::map<std::string, std::size_t>& endings() const noexcept {
    return endings_;
  }
  /// Returns the latencies, in microseconds, of the calls that ended with a value since the last
  /// use of this function.
  [[nodiscard]] std::vector<std::uint64_t> take_latencies() {
    return std::exchange(latencies_, {});
  }

  struct summary {
    std::size_t begun = 0, ended = 0, caller_killed = 0, hung = 0, ended_twice = 0, executed = 0,
                executed_twice = 0, wrong = 0;
    /// True if every call ended once, unless its caller was killed, ran at most once, and had no
    /// wrong value.
    [[nodiscard]] bool good() const noexcept {
      return hung == 0 && ended_twice == 0 && executed_twice == 0 && wrong == 0
             && begun == ended + caller_killed;
    }
  };
  [[nodiscard]] summary summarize() const;

private:
  [[nodiscard]] std::size_t ended_as(const std::string& ending) const {
    auto at = endings_.find(ending);
    return at == endings_.end() ? 0 : at->second;
  }

  struct call {
    std::size_t caller = 0;
    unsigned begun = 0, ended = 0, executed = 0;
    bool caller_killed = false;
  };
  struct node_state {
    std::size_t peers = 0;
    bool idle = false;
  };
  std::unordered_map<std::uint64_t, call> calls_;
  std::map<std::string, std::size_t> endings_;
  std::map<std::size_t, node_state> nodes_;
  std::vector<std::uint64_t> latencies_;
};

} // namespace patio::apps
