/// `patio serve` serves either direct connections or a message broker. Both use this file.
#pragma once

#include <string>
#include <vector>

#include <patio/actors/os/line_writer.hpp>

#include "client.hpp"
#include "executor_flags.hpp"

namespace patio::apps {

struct serve_flags {
  connection_flags connection;
  std::vector<std::string> listen, connect, limits, allow, peer_keys;
  executor_flags executors;
  broker_flags broker;
  queue_flags queues;
  bool demo = false, verbose = false, insecure = false;
};

/// The node serves on if nobody reads its standard output, and if that is closed or full.
[[nodiscard]] line_writer& standard_output();
void print_line(const std::string& line);

/// Returns the node's options, or an error that names the wrong flag.
[[nodiscard]] result<tcp_options> make_options(const serve_flags& f);

/// Returns the demo's functions. Functions that may harm their process are among them only if the
/// plan has an executor of processes, which runs them.
[[nodiscard]] result<registry> demo_functions_for(const executor_plan& plan);

/// Lets a second SIGINT or SIGTERM end the process at once, without the drain. If no thread can be
/// started for this, the second signal has no effect.
void exit_on_second_signal();

/// Serves through a message broker until a signal asks for the end. Returns the exit code.
[[nodiscard]] int serve_through_broker(const serve_flags& f, const chosen_broker& broker);

} // namespace patio::apps
