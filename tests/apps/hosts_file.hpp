/// Names with chosen addresses for a `patio` that a test starts; see resolver_stub.cpp.
#pragma once

#include <doctest/doctest.h>

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "process.hpp"

namespace patio::tests::cli {

/// Lines of a name and an address each. A resource: removes its file.
class hosts_file {
public:
  explicit hosts_file(const std::vector<std::string>& lines) { set(lines); }
  ~hosts_file() { std::remove(path_.c_str()); }
  hosts_file(const hosts_file&) = delete;
  hosts_file& operator=(const hosts_file&) = delete;

  // Replaced at once, because a child may read the file at any time.
  void set(const std::vector<std::string>& lines) {
    {
      std::ofstream next{path_ + ".next"};
      for (const auto& line : lines) next << line << '\n';
    }
    REQUIRE(std::rename((path_ + ".next").c_str(), path_.c_str()) == 0);
  }
  [[nodiscard]] process::environment environment() const {
    return {{"LD_PRELOAD", PATIO_RESOLVER_STUB}, {"PATIO_TEST_HOSTS", path_}};
  }

private:
  std::string path_ = "cli_hosts_" + std::to_string(::getpid());
};

} // namespace patio::tests::cli
