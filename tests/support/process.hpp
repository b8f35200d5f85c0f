/// A child process with its standard input and output as lines. A resource: the child is killed,
/// with all it started, and reaped at the latest when this ends.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace patio::tests {

/// One of a child's outputs. Owns the descriptor.
class line_reader {
public:
  explicit line_reader(int fd = -1) noexcept : fd_{fd} {}
  ~line_reader();
  line_reader(const line_reader&) = delete;
  line_reader& operator=(const line_reader&) = delete;
  void open(int fd) noexcept { fd_ = fd; }

  /// The next line, or nothing at the end of the output. Throws std::runtime_error after `longest`.
  [[nodiscard]] std::optional<std::string> line(std::chrono::seconds longest = std::chrono::seconds{
                                                  30});
  /// All lines up to the end of the output, joined.
  [[nodiscard]] std::string rest();

private:
  int fd_;
  std::string buffer_;
};

class process {
public:
  using environment = std::map<std::string, std::string>;
  enum class errors {
    inherited, ///< standard error goes to that of the test
    captured,
  };

  /// Throws std::runtime_error if the program cannot be started.
  explicit process(std::vector<std::string> command, const environment& more = {},
                   errors err = errors::inherited);
  ~process();
  process(const process&) = delete;
  process& operator=(const process&) = delete;

  void write(std::string_view text);
  void write_line(const std::string& line) { write(line + "\n"); }
  void close_input();
  [[nodiscard]] std::optional<std::string> read_line() { return out_.line(); }
  [[nodiscard]] std::string read_all() { return out_.rest(); }
  /// Standard output with a patience of one's own.
  [[nodiscard]] line_reader& output_lines() noexcept { return out_; }
  /// Standard error, if it is captured.
  [[nodiscard]] line_reader& error_lines() noexcept { return err_; }
  /// What follows `prefix` in the first line that begins so.
  [[nodiscard]] std::string await(const std::string& prefix);
  void signal(int number);
  /// Exit code, or minus the signal that ended it. Throws std::runtime_error after `longest`.
  [[nodiscard]] int wait(std::chrono::seconds longest = std::chrono::seconds{30});
  [[nodiscard]] pid_t id() const noexcept { return pid_; }

private:
  pid_t pid_ = -1;
  int in_ = -1;
  line_reader out_, err_;
  std::vector<std::string> command_;
};

/// A command that has run to its end.
struct finished {
  int code;
  std::string out, err;
};
[[nodiscard]] finished run(std::vector<std::string> command, const process::environment& more = {},
                           std::string_view input = {});

/// The interpreter that can import patio, from the environment variable PATIO_PYTHON; empty if
/// there is none.
[[nodiscard]] std::string python();

} // namespace patio::tests
