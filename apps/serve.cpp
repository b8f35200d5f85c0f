#include <algorithm>
#include <csignal>
#include <new>
#include <system_error>
#include <thread>

#include <unistd.h>

#include <patio/actors/broker/tcp_broker.hpp>
#include <patio/actors/os/log.hpp>
#include <patio/actors/pool/process_pool.hpp>
#include <patio/protocol/limit_table.hpp>

#include "commands.hpp"
#include "exit_code.hpp"
#include "output.hpp"
#include "serve.hpp"
#include "standard_streams.hpp"

namespace patio::apps {

line_writer& standard_output() {
  static auto& writer = *new line_writer{
    STDOUT_FILENO, {.on_error = [](int why) {
      log(log_level::warning, "event=output reason=\"cannot write to standard output: "
                                + std::system_category().message(why) + "\"");
    }}};
  return writer;
}

void print_line(const std::string& line) { standard_output().write(line + "\n"); }

namespace {

result<void> open_all(const tcp_broker_actor& node, const std::vector<endpoint>& listen_on,
                      const std::vector<endpoint>& dial) {
  for (const auto& where : listen_on) {
    auto bound = listen_on_all(node, where);
    if (!bound) return tl::unexpected(std::move(bound.error()));
    for (const auto& address : *bound) print_line("listening on " + to_string(address));
  }
  for (const auto& where : dial) {
    // The peer may start, or get the right key, at any later time. A thread waits for the login and
    // prints the line.
    auto login =
      std::make_shared<std::future<result<peer_info>>>(connect(node, where, {give_up::no}));
    std::thread{[login, name = to_string(where)] {
      auto peer = login->get();
      if (!peer) return;
      auto address = peer->address == name ? "" : " at " + peer->address;
      print_line("connected to " + name + address);
    }}.detach();
  }
  return {};
}

result<std::vector<named_key>> load_peer_keys(const std::vector<std::string>& texts) {
  std::vector<named_key> all;
  for (const auto& text : texts) {
    auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail(errc::invalid, "--peer-key takes NAME=FILE, not '" + text + "'");
    auto key = load_key_file(text.substr(equals + 1));
    if (!key) return tl::unexpected(std::move(key.error()));
    all.push_back({text.substr(0, equals), std::move(*key)});
  }
  return all;
}

/// Refuses a rule that matches no peer, because its name must be a typing error. With TLS any name
/// is allowed: the names of the peers' certificates are not known here.
result<void> check_names(const tcp_options& options) {
  if (options.tls) return {};
  for (const auto& rule : options.rules)
    if (rule.who != "*"
        && std::ranges::find(options.keys, rule.who, &named_key::name) == options.keys.end())
      return fail(errc::invalid,
                  "--allow " + rule.who + ":" + rule.functions
                    + " matches no peer: a peer gets its name from its key (--peer-key " + rule.who
                    + "=FILE) or from its TLS certificate");
  return {};
}

} // namespace

result<tcp_options> make_options(const serve_flags& f) {
  tcp_options options{.insecure_listen_to_all = f.insecure};
  for (const auto& assignment : f.limits)
    if (auto set = set_limit(options.limits, assignment); !set)
      return fail(errc::invalid,
                  "--limit: " + set.error().message + " ('patio serve --help' lists the limits)");
  for (const auto& text : f.allow) {
    auto rule = parse_access_rule(text);
    if (!rule) return fail(errc::invalid, "--allow: " + rule.error().message);
    options.rules.push_back(std::move(*rule));
  }
  auto key = load_key(f.connection);
  if (!key) return tl::unexpected(std::move(key.error()));
  options.key = std::move(*key);
  auto keys = load_peer_keys(f.peer_keys);
  if (!keys) return tl::unexpected(std::move(keys.error()));
  options.keys = std::move(*keys);
  if (auto fits = check_keys(options.key, options.keys); !fits)
    return tl::unexpected(std::move(fits.error()));
  auto tls = load_tls(f.connection);
  if (!tls) return tl::unexpected(std::move(tls.error()));
  options.tls = std::move(*tls);
  if (auto names = check_names(options); !names) return tl::unexpected(std::move(names.error()));
  return options;
}

namespace {

/// Warns of a certificate that clients will refuse. A node that only dials may still use it.
void warn_about(const tls_options& options) {
  auto made = tls::context::make(options);
  if (made && !made->doubt().empty())
    log(log_level::warning,
        "event=tls reason=\"" + printable(made->doubt()) + "; clients will refuse this node\"");
}

result<void> read_and_replace_tls(const tcp_broker_actor& node, const connection_flags& f) {
  auto tls = load_tls(f);
  if (!tls) return tl::unexpected(std::move(tls.error()));
  if (!*tls) return {}; // the node does not use TLS
  warn_about(**tls);
  return replace_tls(node, **tls);
}

/// Reads the TLS files again, because they may have new content, and logs the outcome.
void reload_tls(const tcp_broker_actor& node, const connection_flags& f) {
  auto replaced = read_and_replace_tls(node, f);
  if (replaced) return log(log_level::info, "event=reload");
  log(log_level::error, "event=reload reason=\"" + printable(replaced.error().message)
                          + "; the old certificates stay in use\"");
}

/// Waits for SIGINT or SIGTERM. SIGHUP reloads the TLS files meanwhile.
void wait_for_stop_signal(const tcp_broker_actor& node, const connection_flags& f) {
  while (wait_for_signal() == SIGHUP) {
    try {
      reload_tls(node, f);
    } catch (const std::bad_alloc&) {
      // If memory runs out, the node keeps its certificates and still waits for the stop signal.
    }
  }
}

} // namespace

void warn_about_no_functions() {
  print_to_standard_error(
    "patio: this node serves no functions (--module or --demo serves some)\n");
}

void exit_on_second_signal() {
  try {
    std::thread{[] {
      while (wait_for_signal() == SIGHUP) {}
      print_error("a second signal ends the node before it has drained");
      std::_Exit(lost);
    }}.detach();
  } catch (const std::system_error&) {}
}

namespace {

/// Prints an error like report(), but with advice about the addresses to listen on.
int report_unopened(const error& why) {
  if (why.code != errc::connect_failed) return report(why);
  print_error(displayable(why.message)
              + " (--listen HOST:PORT chooses another address; port 0 is any free port)");
  return exit_code_of(why.code);
}

/// Serves until a signal asks for the end, and drains the node, also when an exception ends this
/// function. Returns the exit code.
int serve_until_stopped(const tcp_broker_actor& node, const serve_flags& f,
                        const std::vector<endpoint>& listen_on, const std::vector<endpoint>& dial) {
  owned_broker owner{node};
  auto opened = open_all(node, listen_on, dial);
  if (!opened) return report_unopened(opened.error());
  if (!f.functions.are_given() && dial.empty()) warn_about_no_functions();
  wait_for_stop_signal(node, f.connection);
  exit_on_second_signal();
  return ok;
}

int run_node(const serve_flags& f, const std::vector<endpoint>& listen_on,
             const std::vector<endpoint>& dial, const executor_plan& plan, tcp_options options) {
  system_config config;
  caf::actor_system sys{config};
  auto served = make_functions(f.functions, plan);
  if (!served) return report(served.error());
  auto pools = spawn_executors(sys, served->functions, plan, options.limits, served->inputs);
  if (!pools) return report(pools.error());
  auto node = spawn_tcp_broker(sys, *pools, std::move(options));
  auto code = serve_until_stopped(node, f, listen_on, dial);
  if (code != ok) return code;
  (void)standard_output().flush();
  (void)flush_log();
  std::_Exit(ok); // a function that has not ended during the drain must not keep the process alive
}

int serve(const serve_flags& f) {
  block_signals();
  auto broker = load_broker(f.broker, f.listen.empty() && f.connect.empty());
  if (!broker) return report(broker.error());
  if (*broker) return serve_through_broker(f, **broker);
  if (f.queues.is_given())
    return report({errc::invalid,
                   "--durable and --at-least-once are for the queues of RabbitMQ: name its server "
                   "with --broker",
                   {}});
  auto listen_on = parse_endpoints(f.listen, "--listen");
  if (!listen_on) return report(listen_on.error());
  auto dial = parse_endpoints(f.connect, "--connect");
  if (!dial) return report(dial.error());
  auto plan = parse_executors(f.executors);
  if (!plan) return report(plan.error());
  auto options = make_options(f);
  if (!options) return report(options.error());
  if (listen_on->empty() && dial->empty()) listen_on->push_back({"127.0.0.1", default_port});
  if (!listen_on->empty() && options->tls && options->tls->certificates.empty())
    return report({errc::invalid,
                   "a node that listens with TLS needs a certificate and its private key: "
                   "--tls-cert and --tls-key",
                   {}});
  set_log_level(f.verbose ? log_level::info : log_level::warning);
  if (options->tls && !listen_on->empty()) warn_about(*options->tls);
  return run_node(f, *listen_on, *dial, *plan, std::move(*options));
}

std::string limits_help() {
  std::string text = "Limits, with their defaults (SIGHUP does not change them):\n";
  for (const auto& row : limit_table()) {
    auto left = "  " + std::string{row.name} + "=" + limit_value(limits{}, row.which);
    left.resize(std::max(left.size() + 2, std::size_t{34}), ' ');
    text += left + std::string{row.meaning} + "\n";
  }
  return text;
}

/// Declares the flags of the addresses and of the functions.
void add_node(CLI::App& sub, serve_flags& f) {
  sub
    .add_option("--listen", f.listen,
                "address to accept peers on; may be repeated (default: 127.0.0.1:15383, unless "
                "--connect is given)")
    ->type_name("HOST:PORT");
  sub
    .add_option("--connect", f.connect,
                "peer to dial, and to dial again whenever its connection is lost; may be repeated")
    ->type_name("HOST:PORT");
  f.broker.add(sub);
  f.queues.add(sub);
  f.functions.add(sub);
  f.executors.add(sub);
  sub.add_flag("--verbose", f.verbose, "log every connection, not only warnings and errors");
}

/// Declares the flags for access rules and limits.
void add_access(CLI::App& sub, serve_flags& f) {
  sub
    .add_option("--peer-key", f.peer_keys,
                "additional key, and the name of the peers that log in with it; may be repeated")
    ->type_name("NAME=FILE");
  sub
    .add_option("--allow", f.allow,
                "let the peers of this name call the functions that match the pattern; may be "
                "repeated. A peer gets its name from its --peer-key or from its TLS certificate; "
                "* is every peer. Without --allow, every peer may call every function")
    ->type_name("NAME:PATTERN");
  sub.add_flag("--insecure-listen-to-all", f.insecure,
               "listen beyond this machine even without a key and without client certificates");
  sub.add_option("--limit", f.limits, "set one of the limits below; may be repeated")
    ->type_name("NAME=VALUE");
}

} // namespace

void add_serve(CLI::App& app, command& run) {
  auto& sub = *app.add_subcommand(
    "serve", "run a node until SIGINT or SIGTERM; SIGHUP reads the TLS files again");
  auto f = std::make_shared<serve_flags>();
  add_node(sub, *f);
  f->connection.add_security(sub);
  add_access(sub, *f);
  sub.footer(limits_help()
             + "\nExample:\n  patio serve --demo --listen 127.0.0.1:15383 --listen '[::1]:15383'");
  sub.callback([f, &run] { run = [f] { return serve(*f); }; });
}

} // namespace patio::apps
