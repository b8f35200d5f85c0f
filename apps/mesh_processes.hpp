/// Starts, controls and kills the processes of `patio mesh`. The commands to a process are lines on
/// its standard input. The destructor kills and reaps the processes that still run.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include <patio/actors/os/socket.hpp>

namespace patio::apps {

class mesh_processes {
public:
  /// Called from `poll`, `kill` and `finish`, with each whole line of a node's output.
  using line_handler = std::function<void(std::size_t node, const std::string& line)>;

  /// `on_line` gets the lines of standard output, and `on_error_line` those of standard error.
  mesh_processes(line_handler on_line, line_handler on_error_line)
      : on_line_{std::move(on_line)}, on_error_line_{std::move(on_error_line)} {}
  ~mesh_processes();
  mesh_processes(const mesh_processes&) = delete;
  mesh_processes& operator=(const mesh_processes&) = delete;

  /// Starts the command as this node. Returns false if that fails, and prints the reason on
  /// standard error.
  bool start(std::size_t node, const std::vector<std::string>& command);
  void send_line(std::size_t node, const std::string& line);
  /// Kills the node with SIGKILL, then reads the output that it had already written.
  void kill(std::size_t node);
  /// True until the end of the node's output. The end of the output shows that the node has exited.
  [[nodiscard]] bool has_output(std::size_t node) const noexcept {
    return node < children_.size() && bool{children_[node].out.fd};
  }
  [[nodiscard]] bool is_running(std::size_t node) const noexcept {
    return node < children_.size() && children_[node].pid > 0;
  }
  /// Closes every node's standard input and waits until all nodes have ended. Kills the nodes that
  /// have not ended by the timeout.
  void finish(int timeout_ms);
  /// Waits for output, until the timeout at the latest, and handles its lines.
  void poll(int timeout_ms);

private:
  struct output {
    unique_fd fd = {}; ///< empty after the end of the output
    std::string buffer = {};
  };
  struct child {
    pid_t pid = -1;
    unique_fd in = {};
    output out = {}, err = {};
  };
  static bool read(output& from, std::size_t node, const line_handler& handle);
  void read_rest(std::size_t node);
  static void reap(child& c, bool kill_first);

  line_handler on_line_, on_error_line_;
  std::vector<child> children_;
};

} // namespace patio::apps
