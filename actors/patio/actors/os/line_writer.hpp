/// Writes lines to a descriptor from a thread of its own. Callers never wait for a full pipe, a
/// stopped terminal or a slow disk: the queue is bounded, and lines beyond its bound are counted. A
/// resource; the functions may be called on any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <patio/base/api.hpp>

namespace PATIO_INTERNAL_API patio {

struct line_writer_options {
  std::size_t max_bytes = 1 << 20; ///< of the lines that wait
  /// Makes the line that stands in place of the lines that were left out. Runs on any thread. If it
  /// is empty, there is no such line.
  std::function<std::string(std::uint64_t)> left_out = {};
  /// Is told the errno of the first write that fails after one that did not. Runs on the thread of
  /// the writer.
  std::function<void(int)> on_error = {};
};

class line_writer {
public:
  /// Does not own the descriptor, which must stay open while lines wait. The thread begins with the
  /// first line.
  explicit line_writer(int fd, line_writer_options options = {});
  /// Flushes. Lines that the descriptor has not taken by then are lost.
  ~line_writer();
  line_writer(const line_writer&) = delete;
  line_writer& operator=(const line_writer&) = delete;

  /// Queues the line, which ends with a newline, or counts the line as left out if the queue is
  /// full. Without memory for the thread the line is written at once, if that does not block.
  void write(std::string line) noexcept;
  /// Counts a line for which the caller had no memory.
  void leave_out() noexcept;
  /// Waits until all lines are written. Gives up, and returns false, if no line could be written
  /// for a second, or after five seconds in all.
  bool flush();

private:
  struct state;
  std::shared_ptr<state> state_;
};

} // namespace patio
