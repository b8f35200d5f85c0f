/// What became of every call of a mesh, from the lines that its nodes print. Knows no process and
/// no clock.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace patio::apps {

/// Lines of a node: "b CALL" begins a call, "e CALL ENDING MICROSECONDS" ends it, "x CALL" executes
/// it, "p PEERS" counts its connections, "idle" says that none of its calls is open and no more
/// will come. Any other line is passed over.
class mesh_account {
public:
  void line(std::size_t node, std::string_view text);
  /// The node was killed: calls it had begun can have no ending.
  void killed(std::size_t node);
  /// The node was started (again) and is not idle.
  void started(std::size_t node);

  [[nodiscard]] bool all_idle() const;
  [[nodiscard]] std::size_t calls() const noexcept { return calls_.size(); }
  [[nodiscard]] std::size_t links() const;
  [[nodiscard]] std::size_t open() const;
  /// By ending: "value", "timeout" ..., and "caller killed".
  [[nodiscard]] const std::map<std::string, std::size_t>& endings() const noexcept {
    return endings_;
  }
  /// Latency of the calls that gave a value since the last time this was asked; p in 0 to 1,
  /// microseconds.
  [[nodiscard]] std::vector<std::uint64_t> take_latencies() {
    return std::exchange(latencies_, {});
  }

  struct sums {
    std::size_t begun = 0, ended = 0, caller_killed = 0, hung = 0, ended_twice = 0, executed = 0,
                executed_twice = 0;
    [[nodiscard]] bool good() const noexcept {
      return hung == 0 && ended_twice == 0 && executed_twice == 0 && begun == ended + caller_killed;
    }
  };
  [[nodiscard]] sums close() const;

private:
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
