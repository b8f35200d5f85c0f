/// The modules of `patio serve --module`: shared libraries that register functions.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include <patio/actors/pool/worker_inputs.hpp>
#include <patio/functions/registry.hpp>

#include "module_image.hpp"

namespace patio::apps {

/// A module that another process has loaded without harm. A value.
struct task_module {
  module_image image;
  std::vector<std::pair<std::string, std::string>> functions; ///< names and signatures
};

/// Copies the module into memory, and has another process load the copy. An error names the file
/// and the reason, which may be the signal that has ended the other process.
[[nodiscard]] result<task_module> open_module(const std::string& path);

/// Opens the modules. Two modules must have neither one file name nor a function in common.
[[nodiscard]] result<std::vector<task_module>> open_modules(const std::vector<std::string>& paths);

/// Loads the modules into this process, and adds their functions to the registry.
[[nodiscard]] result<void> add_modules(registry& functions,
                                       const std::vector<task_module>& modules);

/// Returns what `worker_functions` needs in a worker to make the same registry.
[[nodiscard]] worker_inputs inputs_of(const std::vector<task_module>& modules, bool demo);

/// Makes the registry of a worker process from its arguments, and from the files that it has got.
/// Throws call_error if a module cannot be loaded.
[[nodiscard]] registry worker_functions(std::span<char* const> arguments);

} // namespace patio::apps
