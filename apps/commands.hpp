/// The subcommands of `patio`. Each function declares the flags of one subcommand.
#pragma once

#include <functional>

#include <CLI/CLI.hpp>

namespace patio::apps {

/// The work of a subcommand; returns the exit code. Each function below sets `run` when the command
/// line names its subcommand.
using command = std::function<int()>;
void add_serve(CLI::App& app, command& run);
void add_call(CLI::App& app, command& run);
void add_list(CLI::App& app, command& run);
void add_ping(CLI::App& app, command& run);
void add_bench(CLI::App& app, command& run);
void add_pickle(CLI::App& app, command& run);
void add_mesh(CLI::App& app, command& run);
void add_new_module(CLI::App& app, command& run);
void add_mesh_node(CLI::App& app, command& run); ///< internal: a process that `mesh` starts

} // namespace patio::apps
