/// A folder of certificates as examples/make_certificates.sh makes it. A resource: the destructor
/// removes the folder with its content.
#pragma once

#include <doctest/doctest.h>

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "process.hpp"

namespace patio::tests {

class certificate_folder {
public:
  certificate_folder() {
    REQUIRE(::mkdtemp(path_.data()));
    make();
  }
  ~certificate_folder() { std::filesystem::remove_all(path_); }
  certificate_folder(const certificate_folder&) = delete;
  certificate_folder& operator=(const certificate_folder&) = delete;

  /// Makes the authority if there is none yet, and new certificates.
  void make() const {
    auto made =
      run({"sh", PATIO_TEST_SOURCES "/../examples/make_certificates.sh", path_, "alice", "bob"});
    REQUIRE_MESSAGE(made.code == 0, made.err);
  }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

private:
  std::string path_ = (std::filesystem::temp_directory_path() / "patio_tls_XXXXXX").string();
};

} // namespace patio::tests
