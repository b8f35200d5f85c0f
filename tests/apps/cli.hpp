/// The `patio` command as tests run it.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>

#include "process.hpp"

namespace patio::tests::cli {

/// Runs `patio` to its end.
inline finished run(std::vector<std::string> words, const process::environment& more = {},
                    std::string_view input = {}) {
  words.insert(words.begin(), PATIO_COMMAND);
  return tests::run(std::move(words), more, input);
}

/// `patio serve --demo` on a free port.
class server {
public:
  explicit server(std::vector<std::string> more = {"--demo"}, const process::environment& env = {})
      : process_{command(std::move(more)), env, process::errors::captured} {
    where_ = process_.await("listening on ");
  }
  [[nodiscard]] const std::string& where() const { return where_; }
  [[nodiscard]] process& child() { return process_; }

private:
  static std::vector<std::string> command(std::vector<std::string> more) {
    std::vector<std::string> all{PATIO_COMMAND, "serve", "--listen", "127.0.0.1:0"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  process process_;
  std::string where_;
};

/// No output, the exit code, and one line that says what is wrong.
inline void check_error(const finished& o, int code, const std::string& says) {
  CHECK(o.code == code);
  CHECK(o.out.empty());
  INFO(o.err);
  CHECK(o.err.starts_with("patio: "));
  CHECK(o.err.find(says) != std::string::npos);
  CHECK(std::count(o.err.begin(), o.err.end(), '\n') == 1);
}

} // namespace patio::tests::cli
