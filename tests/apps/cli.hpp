/// The `patio` command as the tests run it.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>

#include "process.hpp"

namespace patio::tests::cli {

/// Runs `patio` to its end.
inline finished run(std::vector<std::string> args, const process::environment& env = {},
                    std::string_view input = {}) {
  args.insert(args.begin(), PATIO_COMMAND);
  return tests::run(std::move(args), env, input);
}

/// `patio serve` on a free port of 127.0.0.1, by default with the demo functions.
class server {
public:
  explicit server(std::vector<std::string> flags = {"--demo"}, const process::environment& env = {})
      : process_{command(std::move(flags)), env, process::errors::captured} {
    where_ = process_.await("listening on ");
  }
  [[nodiscard]] const std::string& where() const { return where_; }
  [[nodiscard]] process& child() { return process_; }

private:
  static std::vector<std::string> command(std::vector<std::string> flags) {
    flags.insert(flags.begin(), {PATIO_COMMAND, "serve", "--listen", "127.0.0.1:0"});
    return flags;
  }
  process process_;
  std::string where_;
};

/// Checks the exit code, that there is no output, and that one line on standard error has the
/// reason.
inline void check_error(const finished& ended, int code, const std::string& reason) {
  CHECK(ended.code == code);
  CHECK(ended.out.empty());
  INFO(ended.err);
  CHECK(ended.err.starts_with("patio: "));
  CHECK(ended.err.find(reason) != std::string::npos);
  CHECK(std::count(ended.err.begin(), ended.err.end(), '\n') == 1);
}

} // namespace patio::tests::cli
