/// The processes of `patio mesh`: started, steered by lines, killed and started again. A resource:
/// what still runs is killed and reaped when this ends.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <sys/types.h>

#include <patio/protocol/endpoint.hpp>

namespace patio::apps {

class mesh_processes {
public:
  /// `on_line(node, line)` is called from `poll`; an empty optional line end means the node's
  /// output has ended.
  using line_handler = std::function<void(std::size_t node, const std::string& line)>;

  explicit mesh_processes(line_handler on_line) : on_line_{std::move(on_line)} {}
  ~mesh_processes();
  mesh_processes(const mesh_processes&) = delete;
  mesh_processes& operator=(const mesh_processes&) = delete;

  /// Starts a command as this node. False, with a line on standard error, if it cannot be started.
  bool start(std::size_t node, const std::vector<std::string>& command);
  void tell(std::size_t node, const std::string& line);
  /// Without a word, as a power cut; reads what it had said before.
  void kill(std::size_t node);
  /// Its output has not ended, which is how one that ends by itself is noticed.
  [[nodiscard]] bool talks(std::size_t node) const noexcept {
    return node < children_.size() && children_[node].out >= 0;
  }
  [[nodiscard]] bool runs(std::size_t node) const noexcept {
    return node < children_.size() && children_[node].pid > 0;
  }
  /// Closes every node's standard input and waits until all have ended; those that do not are
  /// killed.
  void finish(int patience_ms);
  /// Waits for lines, at most so long.
  void poll(int patience_ms);

private:
  struct child {
    pid_t pid = -1;
    int in = -1, out = -1;
    std::string buffer;
  };
  void read_from(std::size_t node);
  void reap(child& c, bool by_force);

  line_handler on_line_;
  std::vector<child> children_;
};

} // namespace patio::apps
