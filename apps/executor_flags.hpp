/// The flags of `patio serve` that say where functions run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include <patio/actors/pool/executors.hpp>
#include <patio/actors/pool/worker_inputs.hpp>

namespace patio::apps {

enum class executor_kind : std::uint8_t { async, thread, process, null };

struct executor_flags {
  std::vector<std::string> executors; ///< KIND or NAME=KIND:N
  std::vector<std::string> run;       ///< FUNCTION=NAME
  std::size_t workers = 4;            ///< of the default executor

  void add(CLI::App& app);
};

/// The flags' meaning.
struct executor_plan {
  struct named_executor {
    std::string name;
    executor_kind kind;
    std::size_t workers;
  };
  executor_kind default_kind = executor_kind::async;
  std::size_t default_workers = 4;
  std::vector<named_executor> named = {};
  std::vector<std::pair<std::string, std::string>> run = {}; ///< function, name of an executor

  /// Returns the name of an executor of processes, which is empty for the default executor.
  [[nodiscard]] std::optional<std::string> process_executor() const;
  [[nodiscard]] bool has_only_processes() const;
  /// Returns true if the executor of this name is one of processes. An empty name is the default.
  [[nodiscard]] bool has_processes(const std::string& name) const;
};

/// Returns an error that names the wrong flag.
[[nodiscard]] result<executor_plan> parse_executors(const executor_flags& flags);

/// Spawns the executors of a plan. Fails with errc::invalid if the plan names a function or an
/// executor that does not exist. `inputs` are for the worker processes.
[[nodiscard]] result<executors> spawn_executors(caf::actor_system& sys, registry functions,
                                                const executor_plan& plan, const limits& l,
                                                std::shared_ptr<replaceable_inputs> inputs = {});

} // namespace patio::apps
