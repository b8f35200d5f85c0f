#include <csignal>
#include <cstdlib>
#include <thread>

#include <patio/actors/broker/redis_broker.hpp>
#include <patio/actors/os/log.hpp>

#include "exit_code.hpp"
#include "serve.hpp"
#include "standard_streams.hpp"

namespace patio::apps {
namespace {

/// Returns an error for a flag that has no meaning with a message broker.
result<void> check_engine_flags(const serve_flags& f) {
  auto refuse = [](const std::string& flag) {
    return fail(errc::invalid, flag
                                 + " has no meaning with a message broker, whose own users and "
                                   "rules say who may serve and call what");
  };
  if (!f.listen.empty()) return refuse("--listen");
  if (!f.connect.empty()) return refuse("--connect");
  if (!f.allow.empty()) return refuse("--allow");
  if (!f.peer_keys.empty()) return refuse("--peer-key");
  if (!f.connection.key_file.empty()) return refuse("--key-file");
  return {};
}

/// Prints a line once the broker is logged in, and serves until a signal asks for the end.
int serve_engine_until_stopped(const engine_broker_actor& node, const serve_flags& f,
                               const broker_url& url) {
  owned_broker owner{node};
  std::thread{[node, name = to_string(url)] {
    for (auto login = connected(node).get(); !login; login = connected(node).get())
      if (login.error().code == errc::shut_down) return;
    print_line("connected to " + name);
  }}.detach();
  if (!f.functions.are_given()) warn_about_no_functions();
  while (wait_for_signal() == SIGHUP) {}
  exit_on_second_signal();
  return ok;
}

} // namespace

int serve_through_broker(const serve_flags& f, const chosen_broker& broker) {
  advise_about_broker();
  if (auto fits = check_engine_flags(f); !fits) return report(fits.error());
  auto plan = parse_executors(f.executors);
  if (!plan) return report(plan.error());
  auto options = make_options(f);
  if (!options) return report(options.error());
  set_log_level(f.verbose ? log_level::info : log_level::warning);
  system_config config;
  caf::actor_system sys{config};
  auto served = make_functions(f.functions, *plan);
  if (!served) return report(served.error());
  auto pools = spawn_executors(sys, served->functions, *plan, options->limits, served->inputs);
  if (!pools) return report(pools.error());
  auto node = spawn_engine(sys, *pools, broker, std::move(options->tls), options->limits, f.queues);
  if (!node) return report(node.error());
  auto code = serve_engine_until_stopped(*node, f, broker.url);
  (void)standard_output().flush();
  (void)flush_log();
  // A function that has not ended during the drain must not keep the process alive.
  std::_Exit(code);
}

} // namespace patio::apps
