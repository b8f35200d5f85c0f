// What confined workers of a process pool can do, and what the kernel refuses them.
#include <doctest/doctest.h>

#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>

#include "pool/process_fixture.hpp"

using namespace patio;
using namespace patio::tests;

namespace {

/// A folder with a file, removed at the end.
class folder {
public:
  explicit folder(const std::string& name)
      : path_{std::filesystem::absolute(name + "." + std::to_string(::getpid()))} {
    std::filesystem::create_directory(path_);
    std::ofstream{path_ / "file"} << "text";
  }
  ~folder() { std::filesystem::remove_all(path_); }
  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;
  [[nodiscard]] std::string path() const { return path_; }
  [[nodiscard]] std::string file() const { return path_ / "file"; }

private:
  std::filesystem::path path_;
};

bool has_landlock() {
  return ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 0;
}

std::int64_t number(const result<value>& r) { return from_value<std::int64_t>(r.value()).value(); }

/// Returns the errors of the system calls that the function tries, by their names.
std::map<std::string, std::int64_t> refused_by(process_test& p) {
  return from_value<std::map<std::string, std::int64_t>>(p.call("try_system_calls").value())
    .value();
}

} // namespace

TEST_CASE("process pool: by default workers cannot gain privileges, and are otherwise free") {
  process_test p, free{{.workers = 1, .per_worker = {.no_new_privileges = false}}};
  CHECK(number(p.call("has_no_new_privileges")) == 1);
  CHECK(number(free.call("has_no_new_privileges")) == 0);
  CHECK(number(p.call("run_program")) == 0);
  CHECK(number(p.call("seccomp_mode")) == 0);
}

TEST_CASE("process pool: with refuse_system_calls, functions get EPERM, and threads still start") {
  process_test p{
    {.workers = 1, .per_worker = {.no_new_privileges = false, .refuse_system_calls = true}}};
  CHECK(number(p.call("has_no_new_privileges")) == 1);
  CHECK(number(p.call("seccomp_mode")) == 2);
  for (const auto& [name, error] : refused_by(p)) {
    CAPTURE(name);
    CHECK(error == EPERM);
  }
  CHECK(number(p.call("run_program")) == EPERM);
  CHECK(p.call("later", {7}).value() == value{7}); // starts a thread
  CHECK(number(p.call("new_namespace")) == EPERM);
  p.check_works();
}

TEST_CASE("process pool: with paths, functions open only what is listed") {
  if (!has_landlock()) return;
  folder readable{"confined_readable"}, writable{"confined_writable"}, other{"confined_other"};
  process_limits limits{.paths = process_paths{{readable.path()}, {writable.path()}}};
  process_test p{{.workers = 1, .per_worker = limits}};
  auto open = [&](const std::string& path, bool writes) {
    return number(p.call("open_file", {path, writes}));
  };
  CHECK(open(readable.file(), false) == 0);
  CHECK(open(readable.file(), true) == EACCES);
  CHECK(open(readable.path() + "/new", true) == EACCES);
  CHECK(open(writable.file(), false) == 0);
  CHECK(open(writable.file(), true) == 0);
  CHECK(open(writable.path() + "/new", true) == 0);
  CHECK(open(other.file(), false) == EACCES);
  CHECK(open("/etc/passwd", false) == EACCES);
  p.check_works();
}

TEST_CASE("process pool: a single file can be listed as a path") {
  if (!has_landlock()) return;
  folder place{"confined_file"};
  process_limits limits{.paths = process_paths{{}, {place.file()}}};
  process_test p{{.workers = 1, .per_worker = limits}};
  CHECK(number(p.call("open_file", {place.file(), true})) == 0);
  CHECK(number(p.call("open_file", {place.path() + "/new", true})) == EACCES);
}

TEST_CASE("process pool: a path that does not exist, or a kernel without landlock, is named") {
  process_limits limits{.paths = process_paths{{"/nowhere/data"}, {}}};
  process_test p{{.workers = 1, .per_worker = limits, .failures_to_open = 1}};
  auto why = error_of(p.start("add", {1, 2}));
  CHECK(why.code == errc::overloaded);
  auto text = has_landlock() ? "opening the path '/nowhere/data' failed: No such file or directory"
                             : "the option paths needs landlock, which this kernel lacks";
  CAPTURE(why.message);
  CHECK(why.message.find(text) != std::string::npos);
}
