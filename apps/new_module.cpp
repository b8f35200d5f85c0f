// `patio new-module`: writes a module that builds as it is.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include <patio/actors/os/socket.hpp>
#include <patio/value/repr.hpp>

#include "commands.hpp"
#include "exit_code.hpp"
#include "new_module_files.hpp"
#include "standard_streams.hpp"

namespace patio::apps {
namespace {

constexpr std::size_t max_name_bytes = 64;
constexpr std::string_view placeholder = "MODULE_NAME";
/// Names of targets that CMake or its generators define.
constexpr std::array<std::string_view, 11> reserved_names{
  "all",     "clean",   "codegen",    "depend",        "edit_cache", "help",
  "install", "package", "preinstall", "rebuild_cache", "test"};

/// The name becomes a folder, a CMake target and the first part of the functions' names.
result<void> check_name(const std::string& name) {
  auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  auto is_allowed = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_'; };
  if (name.empty() || name.size() > max_name_bytes || !is_letter(name.front())
      || !std::ranges::all_of(name, is_allowed))
    return fail(errc::invalid,
                "a module's name has 1 to 64 small letters, digits and _, and begins "
                "with a letter: "
                  + patio::quoted(name) + " does not");
  if (std::ranges::find(reserved_names, name) != reserved_names.end())
    return fail(errc::invalid,
                "CMake has a target " + patio::quoted(name) + ": choose another name");
  return {};
}

tl::unexpected<error> failed(const std::string& path) {
  return fail(errc::invalid,
              "'" + path + "' cannot be written: " + std::system_category().message(errno));
}

std::string named(std::string text, const std::string& name) {
  for (std::size_t at = 0; (at = text.find(placeholder, at)) != text.npos; at += name.size())
    text.replace(at, placeholder.size(), name);
  return text;
}

result<void> write_file(const std::string& path, std::string_view text) {
  unique_fd file{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)};
  if (!file) return failed(path);
  while (!text.empty()) {
    auto n = ::write(file.get(), text.data(), text.size());
    if (n < 0 && errno != EINTR) return failed(path);
    if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

result<void> write_module(const std::string& name) {
  if (auto ok = check_name(name); !ok) return ok;
  if (::mkdir(name.c_str(), 0777) != 0) {
    if (errno != EEXIST) return failed(name);
    return fail(errc::invalid, "'" + name + "' exists already: choose another name, or remove it");
  }
  const std::pair<std::string, const char*> files[] = {{"CMakeLists.txt", cmake_text},
                                                       {name + ".cpp", source_text},
                                                       {"test.sh", test_text},
                                                       {"call.py", caller_text}};
  for (const auto& [file, text] : files)
    if (auto ok = write_file(name + "/" + file, named(text, name)); !ok) return ok;
  return {};
}

constexpr const char* next_steps =
  R"(wrote CMakeLists.txt, MODULE_NAME.cpp, test.sh and call.py in MODULE_NAME/
Build, test, serve and call the module:
  cmake -S MODULE_NAME -B MODULE_NAME/build
  cmake --build MODULE_NAME/build
  ctest --test-dir MODULE_NAME/build --output-on-failure
  patio serve --module MODULE_NAME/build/MODULE_NAME.so --executor process --watch &
  python3 MODULE_NAME/call.py
)";

int make_module(const std::string& name) {
  if (auto ok = write_module(name); !ok) return report(ok.error());
  return print_text(named(next_steps, name));
}

} // namespace

void add_new_module(CLI::App& app, command& run) {
  auto& sub = *app.add_subcommand(
    "new-module", "write a C++ module for `patio serve --module`, with a test and a Python caller");
  auto name = std::make_shared<std::string>();
  sub.add_option("NAME", *name, "the name of the new folder, and of the module")->required();
  sub.footer("Example:\n  patio new-module tasks");
  sub.callback([name, &run] { run = [name] { return make_module(*name); }; });
}

} // namespace patio::apps
