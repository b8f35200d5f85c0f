/// A child process with its standard input and output as lines. A resource: the destructor kills
/// the child with all processes that it started, and reaps it.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace patio::tests {

/// One output of a child process. Owns the descriptor.
class line_reader {
public:
  explicit line_reader(int fd = -1) noexcept : fd_{fd} {}
  ~line_reader();
  line_reader(const line_reader&) = delete;
  line_reader& operator=(const line_reader&) = delete;
  void open(int fd) noexcept { fd_ = fd; }

  /// Returns the next line, or nullopt at the end of the output. Throws std::runtime_error if that
  /// takes longer than `time_limit`.
  [[nodiscard]] std::optional<std::string>
  line(std::chrono::seconds time_limit = std::chrono::seconds{30});
  /// Reads up to the end of the output.
  [[nodiscard]] std::string rest();

private:
  int fd_;
  std::string buffer_;
};

class process {
public:
  using environment = std::map<std::string, std::string>;
  enum class errors {
    inherited, ///< the child writes to the test's own standard error
    captured,
  };

  /// Throws std::runtime_error if the program cannot be started.
  explicit process(std::vector<std::string> command, const environment& variables = {},
                   errors err = errors::inherited);
  ~process();
  process(const process&) = delete;
  process& operator=(const process&) = delete;

  void write(std::string_view text);
  void write_line(const std::string& line) { write(line + "\n"); }
  void close_input();
  [[nodiscard]] std::optional<std::string> read_line() { return out_.line(); }
  [[nodiscard]] std::string read_all() { return out_.rest(); }
  /// Standard output, for reads with another time limit.
  [[nodiscard]] line_reader& output_lines() noexcept { return out_; }
  /// Standard error, if it is captured.
  [[nodiscard]] line_reader& error_lines() noexcept { return err_; }
  /// Reads lines until one begins with `prefix`, and returns the rest of that line.
  [[nodiscard]] std::string await(const std::string& prefix);
  void signal(int number);
  /// Returns the exit code, or the negated number of the signal that ended the child. Throws
  /// std::runtime_error if the child runs longer than `time_limit`.
  [[nodiscard]] int wait(std::chrono::seconds time_limit = std::chrono::seconds{30});
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
[[nodiscard]] finished run(std::vector<std::string> command,
                           const process::environment& variables = {}, std::string_view input = {});

/// The path of a Python interpreter that can import patio, from the environment variable
/// PATIO_PYTHON; empty if the variable is not set.
[[nodiscard]] std::string python();

} // namespace patio::tests
