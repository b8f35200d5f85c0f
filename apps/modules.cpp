#include "modules.hpp"

#include <map>
#include <string_view>

#include <patio/actors/pool/process_probe.hpp>
#include <patio/functions/python_error.hpp>
#include <patio/value/repr.hpp>

#include "demo.hpp"
#include "module_loader.hpp"

namespace patio::apps {
namespace {

constexpr std::string_view demo_argument = "--demo";

tl::unexpected<error> refuse(const std::string& path, const std::string& why) {
  return fail(errc::invalid, "module '" + path + "': " + why);
}

tl::unexpected<error> name_taken(const std::string& path, const std::string& function,
                                 const std::string& owner) {
  return refuse(path, "its function " + patio::quoted(function) + " has the name of a function of "
                        + owner);
}

/// Loads a module, and adds its functions.
result<void> add_module(registry& functions, const std::string& path, int fd) {
  auto loaded = load_module(fd);
  if (!loaded) return refuse(path, loaded.error().message);
  for (const auto& name : loaded->names()) {
    if (functions.find(name)) return name_taken(path, name, "--demo");
    functions.insert(*loaded->find(name), loaded->find(name)->identity);
  }
  return {};
}

result<void> check_file_names(const std::vector<std::string>& paths) {
  std::map<std::string, std::string> by_name;
  for (const auto& path : paths) {
    auto [other, is_new] = by_name.emplace(file_name(path), path);
    if (!is_new)
      return refuse(path, "its file has the name of the module '" + other->second
                            + "', and the log tells modules apart by these names");
  }
  return {};
}

result<void> check_functions(const std::vector<task_module>& modules) {
  std::map<std::string, std::string> by_function;
  for (const auto& m : modules)
    for (const auto& [name, signature] : m.functions) {
      auto [other, is_new] = by_function.emplace(name, m.image.path);
      if (!is_new) return name_taken(m.image.path, name, "the module '" + other->second + "'");
    }
  return {};
}

} // namespace

result<task_module> open_module(const std::string& path) {
  auto image = read_module(path);
  if (!image) return refuse(path, image.error().message);
  auto functions = probe_worker({.arguments = {path}, .files = {image->fd}});
  if (functions) return task_module{std::move(*image), std::move(*functions)};
  auto& why = functions.error();
  if (why.code == errc::invalid) return tl::unexpected(std::move(why)); // it names the module
  return refuse(path, "a process that loaded it "
                        + (why.code == errc::timeout ? "has not finished in time"
                                                     : "has ended with " + why.message));
}

result<std::vector<task_module>> open_modules(const std::vector<std::string>& paths) {
  if (auto fits = check_file_names(paths); !fits) return tl::unexpected(std::move(fits.error()));
  std::vector<task_module> all;
  for (const auto& path : paths) {
    auto opened = open_module(path);
    if (!opened) return tl::unexpected(std::move(opened.error()));
    all.push_back(std::move(*opened));
  }
  if (auto fits = check_functions(all); !fits) return tl::unexpected(std::move(fits.error()));
  return all;
}

result<void> add_modules(registry& functions, const std::vector<task_module>& modules) {
  for (const auto& m : modules)
    if (auto ok = add_module(functions, m.image.path, m.image.fd->get()); !ok) return ok;
  return {};
}

worker_inputs inputs_of(const std::vector<task_module>& modules, bool demo) {
  worker_inputs inputs;
  if (demo) inputs.arguments.emplace_back(demo_argument);
  for (const auto& m : modules) {
    inputs.arguments.push_back(m.image.path);
    inputs.files.push_back(m.image.fd);
  }
  return inputs;
}

registry worker_functions(std::span<char* const> arguments) {
  bool demo = !arguments.empty() && arguments.front() == demo_argument;
  auto functions = demo ? demo_functions_of_processes() : registry{};
  int number = first_worker_file;
  for (const char* path : arguments.subspan(demo ? 1 : 0)) {
    unique_fd file{number++}; // programs that the functions start do not inherit the file
    if (auto ok = add_module(functions, path, file.get()); !ok) throw call_error{ok.error()};
  }
  return functions;
}

} // namespace patio::apps
