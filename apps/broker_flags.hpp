/// The flags of subcommands that use a message broker in place of direct connections.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include <patio/actors/caf/interfaces.hpp>
#include <patio/actors/pool/executors.hpp>
#include <patio/protocol/broker_url.hpp>

namespace patio::apps {

struct broker_flags {
  std::string url;  ///< without a password
  std::string file; ///< has the URL

  void add(CLI::App& app);
  [[nodiscard]] bool is_given() const noexcept { return !url.empty() || !file.empty(); }
};

/// The URL as it was given, and its parts.
struct chosen_broker {
  secret text;
  broker_url url;
};

/// Reads the URL from the flags or, if `allow_environment`, from PATIO_BROKER_URL. Overwrites
/// PATIO_BROKER_URL in the process's environment. Returns nothing if no URL is given. Refuses a URL
/// with a password in a flag, because anybody on this machine can read a command line.
[[nodiscard]] result<std::optional<chosen_broker>> load_broker(const broker_flags& flags,
                                                               bool allow_environment);

/// The flags for RabbitMQ's queues of the functions that a node serves.
struct queue_flags {
  bool durable = false;
  std::vector<std::string> at_least_once; ///< names of functions

  void add(CLI::App& app);
  [[nodiscard]] bool is_given() const noexcept { return durable || !at_least_once.empty(); }
};

/// Spawns the broker actor for the URL's scheme. Fails with errc::invalid for options that are
/// wrong.
[[nodiscard]] result<engine_broker_actor>
spawn_engine(caf::actor_system& sys, const executors& run_in, const chosen_broker& broker,
             std::optional<tls_options> tls, const limits& l, const queue_flags& queues = {});

/// Waits for the login. Fails with the first failure, or with errc::connect_failed after the
/// timeout.
[[nodiscard]] result<void> wait_for_engine(const engine_broker_actor& broker, const broker_url& url,
                                           std::chrono::nanoseconds timeout);

} // namespace patio::apps
