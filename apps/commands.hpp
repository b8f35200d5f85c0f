/// The subcommands of `patio`, one function each to declare its flags; running it returns the exit
/// code.
#pragma once

#include <functional>

#include <CLI/CLI.hpp>

namespace patio::apps {

/// Declares a subcommand. `run` is set to what must be done once the command line has been read.
using command = std::function<int()>;
void add_serve(CLI::App& app, command& run);
void add_call(CLI::App& app, command& run);
void add_list(CLI::App& app, command& run);
void add_ping(CLI::App& app, command& run);
void add_bench(CLI::App& app, command& run);
void add_pickle(CLI::App& app, command& run);
void add_mesh(CLI::App& app, command& run);
void add_mesh_node(CLI::App& app, command& run); ///< internal: what `mesh` starts

} // namespace patio::apps
