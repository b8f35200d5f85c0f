/// The functions of a node that `patio serve` runs: those of the demo and of its modules.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <patio/actors/os/file_watch.hpp>
#include <patio/actors/pool/worker_inputs.hpp>

#include "executor_flags.hpp"
#include "module_watch.hpp"

namespace patio::apps {

struct function_flags {
  bool demo = false, watch = false;
  std::vector<std::string> modules;

  void add(CLI::App& app);
  [[nodiscard]] bool are_given() const noexcept { return demo || !modules.empty(); }
};

struct served_functions {
  registry functions;
  std::shared_ptr<replaceable_inputs> inputs; ///< of the worker processes
  std::unique_ptr<module_watch> watch;        ///< null without --watch
};

/// Opens and loads the modules. Functions of the demo that may harm their process are among the
/// functions only if the plan has an executor of processes, which runs them. An error names the
/// wrong flag or the file.
[[nodiscard]] result<served_functions> make_functions(const function_flags& f,
                                                      const executor_plan& plan);

} // namespace patio::apps
