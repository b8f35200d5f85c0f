// `patio serve --module`: modules on each executor, and what is wrong with those that are refused.
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include "cli.hpp"

using namespace patio::tests::cli;
using patio::tests::finished;
using patio::tests::process;

namespace {

std::string module_file(const std::string& name) {
  return std::string{PATIO_TEST_MODULES} + "/" + name + ".so";
}

finished call(const server& s, std::vector<std::string> words) {
  words.insert(words.begin(), {"call", "--connect", s.where()});
  return run(std::move(words));
}

finished serve(std::vector<std::string> flags) {
  flags.insert(flags.begin(), {"serve", "--listen", "127.0.0.1:0"});
  return run(std::move(flags));
}

void check_refused(const std::string& file, const std::string& reason) {
  CAPTURE(file);
  check_error(serve({"--module", file}), 2, "module '" + file + "': " + reason);
}

/// A module in a folder of its own, which is replaced as installers do.
class replaceable_module {
public:
  explicit replaceable_module(const std::string& first) {
    std::filesystem::create_directory(folder_);
    replace(first);
  }
  ~replaceable_module() { std::filesystem::remove_all(folder_); }
  replaceable_module(const replaceable_module&) = delete;
  replaceable_module& operator=(const replaceable_module&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  void replace(const std::string& name) const {
    std::filesystem::copy_file(module_file(name), path_ + ".new");
    std::filesystem::rename(path_ + ".new", path_);
  }

private:
  std::filesystem::path folder_ =
    std::filesystem::temp_directory_path() / ("patio_module." + std::to_string(::getpid()));
  std::string path_ = folder_ / "tasks.so";
};

/// The reasons for which new versions of tasks_1 are refused.
struct refusal {
  const char* module;
  const char* reason;
};
constexpr refusal refusals[] = {
  {"crashes", "a process that loaded it has ended with signal 11 (SIGSEGV)"},
  {"throws", "its patio_module has thrown RuntimeError: std::runtime_error: the model file"},
  {"no_symbol", "it has no function patio_module"},
  {"other_functions", "it has 'add(a: float, b: float) -> float', and this program has 'add(a: "
                      "int, b: int) -> int'; restart the node to serve other functions"}};

} // namespace

TEST_CASE("patio serve --module: each executor runs the functions of a module") {
  for (std::string executor : {"async", "thread", "process"}) {
    CAPTURE(executor);
    server s{{"--module", module_file("tasks_1"), "--executor", executor}};
    CHECK(call(s, {"add", "6", "7"}).out == "13\n");
    CHECK(call(s, {"add", "--kw", "a=1", "--kw", "b=2"}).out == "3\n");
    CHECK(call(s, {"scores"}).out == "{'ada': 7, 'a name that does not fit into a value': 8}\n");
    auto raised = call(s, {"check_age", "--", "-1"});
    CHECK(raised.code == 1);
    CHECK(raised.err.find("ValueError: an age is not negative") != std::string::npos);
    auto own_process = std::to_string(s.child().id()) + "\n";
    CHECK((call(s, {"process"}).out == own_process) == (executor != "process"));
  }
}

TEST_CASE("patio serve --module: modules and the demo serve together") {
  server s{{"--demo", "--module", module_file("tasks_1"), "--executor", "process"}};
  CHECK(call(s, {"mul", "6", "7"}).out == "42\n");
  CHECK(call(s, {"add", "6", "7"}).out == "13\n");
  CHECK(call(s, {"crash"}).code == 6);
  CHECK(call(s, {"version"}).out == "1\n");
}

TEST_CASE("patio serve --module: a function of a module runs where --run says") {
  server s{{"--module", module_file("tasks_1"), "--executor", "apart=process:1", "--run",
            "process=apart"}};
  CHECK(call(s, {"process"}).out != std::to_string(s.child().id()) + "\n");
  CHECK(call(s, {"add", "6", "7"}).out == "13\n");
}

TEST_CASE("patio serve --module: a refused module is named with the reason") {
  check_refused("absent.so", "it cannot be opened: No such file or directory");
  check_refused("/", "it is not a regular file");
  check_refused(module_file("no_symbol"), "it has no function patio_module: define `extern \"C\"");
  check_refused(module_file("no_header"),
                "it has no function patio_module_abi: include <patio/module.hpp>");
  check_refused(module_file("wrong_abi"), "it was compiled for module ABI 0, ");
  check_refused(module_file("own_copy"), "it contains a copy of libpatio: ");
  check_refused(module_file("throws"), "its patio_module has thrown RuntimeError: ");
  check_refused(module_file("empty"), "its patio_module has added no functions to the registry");
  check_refused(module_file("crashes"),
                "a process that loaded it has ended with signal 11 (SIGSEGV)");
  check_refused(module_file("lacks_symbol"), "undefined symbol: _Z15defined_nowherel");
  check_refused(module_file("needs_library"),
                "libmodule_lost_library.so: cannot open shared object file");
  auto text = std::filesystem::temp_directory_path() / "patio_not_a_module.so";
  std::ofstream{text} << std::string(8192, 'x');
  check_refused(text, "invalid ELF header");
  std::filesystem::resize_file(text, 0);
  check_refused(text, "file too short");
  std::filesystem::remove(text);
}

TEST_CASE("patio serve --module: two modules must differ in file name and functions") {
  auto tasks = module_file("tasks_1"), other = module_file("same_name");
  check_error(serve({"--module", tasks, "--module", tasks}), 2,
              "its file has the name of the module '" + tasks + "'");
  check_error(serve({"--module", tasks, "--module", other}), 2,
              "module '" + other
                + "': its function 'version' has the name of a function of the "
                  "module '"
                + tasks + "'");
  check_error(serve({"--demo", "--module", other}), 2,
              "module '" + other + "': its function 'mul' has the name of a function of --demo");
}

TEST_CASE("patio serve --module: flags that do not go together are named") {
  auto tasks = module_file("tasks_1");
  check_error(serve({"--module", tasks, "--executor", "null"}), 2,
              "--executor null serves no functions, so it cannot be combined with --module");
  check_error(serve({"--watch", "--demo", "--executor", "process"}), 2,
              "--watch watches the files of modules: name them with --module");
  for (std::string executor : {"thread", "few=thread:1"})
    check_error(serve({"--watch", "--module", tasks, "--executor", executor}), 2,
                "--watch replaces worker processes, so it needs --executor process");
}

TEST_CASE(
  "patio serve --watch: workers get a new version, and a version that is refused does no harm") {
  replaceable_module m{"tasks_1"};
  server s{{"--module", m.path(), "--executor", "process", "--watch"}};
  for (const auto& r : refusals) {
    CAPTURE(r.module);
    m.replace(r.module);
    auto line = s.child().error_lines().line().value();
    CAPTURE(line);
    CHECK(line.find("event=module reason=\"module '" + m.path() + "': " + r.reason)
          != std::string::npos);
    CHECK(line.ends_with("; the old version stays in use\""));
    CHECK(call(s, {"version"}).out == "1\n");
  }
  m.replace("tasks_2");
  CHECK(s.child().await("replaced ") == m.path());
  CHECK(call(s, {"version"}).out == "2\n");
}
