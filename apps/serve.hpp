/// `patio serve` serves either direct connections or a message broker. Both use this file.
#pragma once

#include <string>
#include <vector>

#include <patio/actors/os/line_writer.hpp>

#include "client.hpp"
#include "executor_flags.hpp"
#include "served_functions.hpp"

namespace patio::apps {

struct serve_flags {
  connection_flags connection;
  std::vector<std::string> listen, connect, limits, allow, peer_keys;
  executor_flags executors;
  function_flags functions;
  broker_flags broker;
  queue_flags queues;
  bool verbose = false, insecure = false;
};

/// The node serves on if nobody reads its standard output, and if that is closed or full.
[[nodiscard]] line_writer& standard_output();
void print_line(const std::string& line);

/// Returns the node's options, or an error that names the wrong flag.
[[nodiscard]] result<tcp_options> make_options(const serve_flags& f);

void warn_about_no_functions();

/// Lets a second SIGINT or SIGTERM end the process at once, without the drain. If no thread can be
/// started for this, the second signal has no effect.
void exit_on_second_signal();

/// Serves through a message broker until a signal asks for the end. Returns the exit code.
[[nodiscard]] int serve_through_broker(const serve_flags& f, const chosen_broker& broker);

} // namespace patio::apps
