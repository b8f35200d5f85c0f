#include "served_functions.hpp"

#include <algorithm>

#include "demo.hpp"

namespace patio::apps {
namespace {

result<registry> demo_functions_for(const executor_plan& plan) {
  for (const auto& [function, name] : plan.run)
    if (std::ranges::find(harmful_functions, function) != harmful_functions.end()
        && !plan.has_processes(name))
      return fail(errc::invalid, "--run: the function '" + function
                                   + "' may harm its process, so only an executor of the kind "
                                     "process runs it");
  auto processes = plan.process_executor();
  if (!processes) return demo_functions();
  auto functions = demo_functions_of_processes();
  for (auto name : harmful_functions) functions.set_executor(std::string{name}, *processes);
  return functions;
}

result<void> check(const function_flags& f, const executor_plan& plan) {
  if (f.watch && f.modules.empty())
    return fail(errc::invalid, "--watch watches the files of modules: name them with --module");
  if (f.watch && !plan.has_only_processes())
    return fail(errc::invalid, "--watch replaces worker processes, so it needs --executor process, "
                               "and process as the kind of each named executor");
  if (!f.modules.empty() && plan.default_kind == executor_kind::null)
    return fail(errc::invalid,
                "--executor null serves no functions, so it cannot be combined with --module");
  return {};
}

/// A quick function would run in this process. Worker processes shall run all code of a module.
void run_in_workers(registry& functions, const std::vector<task_module>& modules,
                    const executor_plan& plan) {
  for (const auto& m : modules)
    for (const auto& [name, signature] : m.functions) {
      auto executor = functions.find(name)->policy.executor;
      if (plan.has_processes(executor)) functions.set_executor(name, executor);
    }
}

} // namespace

void function_flags::add(CLI::App& app) {
  app.add_flag("--demo", demo,
               "serve the functions mul, div, pow, sub, echo, sleep, fail and whoami; with an "
               "executor of processes also burn, crash and leak");
  app
    .add_option("--module", modules,
                "serve the functions of this shared library, which exports patio_module "
                "(`patio new-module` writes one); may be repeated")
    ->type_name("FILE");
  app.add_flag("--watch", watch,
               "with --executor process: when the file of a module is replaced, new calls run its "
               "new version, and running calls end in the old one. The names and parameters of the "
               "functions must stay as they are");
}

result<served_functions> make_functions(const function_flags& f, const executor_plan& plan) {
  if (auto ok = check(f, plan); !ok) return tl::unexpected(std::move(ok.error()));
  auto functions = f.demo ? demo_functions_for(plan) : registry{};
  if (!functions) return tl::unexpected(std::move(functions.error()));
  // The watch begins first, so that it misses no change.
  auto files = file_watch::start(f.watch ? f.modules : std::vector<std::string>{});
  if (!files) return tl::unexpected(std::move(files.error()));
  auto modules = open_modules(f.modules);
  if (!modules) return tl::unexpected(std::move(modules.error()));
  if (auto ok = add_modules(*functions, *modules); !ok)
    return tl::unexpected(std::move(ok.error()));
  run_in_workers(*functions, *modules, plan);
  served_functions served{
    std::move(*functions), std::make_shared<replaceable_inputs>(inputs_of(*modules, f.demo)), {}};
  if (f.watch)
    served.watch =
      std::make_unique<module_watch>(std::move(*files), std::move(*modules), f.demo, served.inputs);
  return served;
}

} // namespace patio::apps
