#include <algorithm>
#include <csignal>
#include <iostream>
#include <new>
#include <system_error>
#include <thread>

#include <patio/actors/broker/tcp_broker.hpp>
#include <patio/actors/os/log.hpp>
#include <patio/protocol/limit_table.hpp>

#include "client.hpp"
#include "commands.hpp"
#include "demo.hpp"
#include "exit_code.hpp"
#include "output.hpp"

namespace patio::apps {
namespace {

struct serve_flags {
  connection_flags connection;
  std::vector<std::string> listen, connect, limits, allow, peer_keys;
  std::string executor = "async";
  std::size_t workers = 4;
  bool demo = false, verbose = false, insecure = false;
};

executor make_executor(caf::actor_system& sys, const registry& functions, const serve_flags& f,
                       const limits& l) {
  if (f.executor == "null") return null_executor(functions);
  pool_options pool{.workers = f.workers, .queue_per_worker = l.queue_per_worker};
  if (f.executor == "thread") return spawn_thread_pool(sys, functions, pool);
  return spawn_async_pool(sys, functions, pool);
}

result<std::vector<endpoint>> parse_all(const std::vector<std::string>& texts,
                                        const std::string& flag) {
  std::vector<endpoint> all;
  for (const auto& text : texts) {
    auto where = parse_endpoint(text);
    if (!where) return fail(errc::invalid, flag + " " + where.error().message);
    all.push_back(std::move(*where));
  }
  return all;
}

result<void> open_all(const tcp_broker_actor& node, const std::vector<endpoint>& listen_on,
                      const std::vector<endpoint>& dial) {
  for (const auto& where : listen_on) {
    auto bound = listen(node, where.host, where.port);
    if (!bound) return tl::unexpected(std::move(bound.error()));
    std::cout << "listening on " << to_string(*bound) << std::endl;
  }
  for (const auto& where : dial) {
    // The peer may come up at any time; the line is printed when it has.
    auto login =
      std::make_shared<std::future<result<peer_info>>>(connect(node, where.host, where.port));
    std::thread{[login, where] {
      if (login->get()) std::cout << "connected to " + to_string(where) + "\n" << std::flush;
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

/// A rule for nobody is a slip of the pen. Which names certificates have is not known here.
result<void> check_names(const tcp_options& options) {
  if (options.tls) return {};
  for (const auto& rule : options.rules)
    if (rule.who != "*"
        && std::ranges::find(options.keys, rule.who, &named_key::name) == options.keys.end())
      return fail(errc::invalid, "--allow " + rule.who + ":" + rule.functions
                                   + " is for nobody: a peer has that name by its key, --peer-key "
                                   + rule.who + "=FILE, or by its TLS certificate");
  return {};
}

/// What the flags say of the node, or which of them is wrong.
result<tcp_options> make_options(const serve_flags& f) {
  tcp_options options{.insecure_listen_to_all = f.insecure};
  for (const auto& assignment : f.limits)
    if (auto set = set_limit(options.limits, assignment); !set)
      return fail(errc::invalid,
                  "--limit " + set.error().message + " ('patio serve --help' lists them)");
  for (const auto& text : f.allow) {
    auto rule = parse_access_rule(text);
    if (!rule) return fail(errc::invalid, "--allow " + rule.error().message);
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
  if (auto ok = check_names(options); !ok) return tl::unexpected(std::move(ok.error()));
  return options;
}

/// SIGHUP: the files may hold other certificates now.
void reload_tls(const tcp_broker_actor& node, const connection_flags& f) {
  auto tls = load_tls(f);
  auto replaced = !tls   ? result<void>{tl::unexpected(tls.error())}
                  : *tls ? replace_tls(node, **tls)
                         : result<void>{};
  if (!replaced)
    return log(log_level::error, "event=reload reason=\"" + printable(replaced.error().message)
                                   + "\", the old certificates stay");
  log(log_level::info, "event=reload");
}

void wait_for_the_end(const tcp_broker_actor& node, const connection_flags& f) {
  while (wait_for_signal() == SIGHUP) {
    try {
      reload_tls(node, f);
    } catch (const std::bad_alloc&) { // the node must be told of its end all the same
    }
  }
}

/// From now on a second wish for the end is granted at once; without a thread for it, it waits as
/// well.
void heed_impatience() {
  try {
    std::thread{[] {
      while (wait_for_signal() == SIGHUP) {}
      std::_Exit(lost);
    }}.detach();
  } catch (const std::system_error&) {}
}

int serve(const serve_flags& f) {
  block_signals();
  auto listen_on = parse_all(f.listen, "--listen"), dial = parse_all(f.connect, "--connect");
  if (!listen_on) return report(listen_on.error());
  if (!dial) return report(dial.error());
  auto options = make_options(f);
  if (!options) return report(options.error());
  if (listen_on->empty() && dial->empty()) listen_on->push_back({"127.0.0.1", default_port});
  if (!listen_on->empty() && options->tls && options->tls->certificates.empty())
    return report({errc::invalid,
                   "a node that listens with TLS needs a certificate and its private key: "
                   "--tls-cert and --tls-key",
                   {}});
  set_log_level(f.verbose ? log_level::info : log_level::warning);
  system_config config;
  caf::actor_system sys{config};
  auto pool = make_executor(sys, f.demo ? demo_functions() : registry{}, f, options->limits);
  auto node = spawn_tcp_broker(sys, pool, std::move(*options));
  auto opened = open_all(node, *listen_on, *dial);
  if (opened) {
    if (!f.demo && dial->empty())
      std::cerr << "patio: this node serves no functions (--demo serves some)\n";
    wait_for_the_end(node, f.connection);
    heed_impatience();
  }
  shut_down(node);
  // A function that never ends has had its drain, and must not keep the process.
  if (opened) std::cout.flush(), std::_Exit(ok);
  bool unsafe = opened.error().code == errc::invalid;
  std::cerr << "patio: " << displayable(opened.error().message)
            << (unsafe
                  ? " (PATIO_KEY, --key-file, --peer-key, --tls-ca, or --insecure-listen-to-all)"
                  : " (--listen HOST:PORT takes another; port 0 is any free one)")
            << "\n";
  return exit_code_of(opened.error().code);
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

} // namespace

void add_serve(CLI::App& app, command& run) {
  auto& sub = *app.add_subcommand("serve", "run a node until SIGINT or SIGTERM");
  auto f = std::make_shared<serve_flags>();
  sub
    .add_option("--listen", f->listen,
                "address to accept peers on; any number (default: 127.0.0.1:15383, unless "
                "--connect is given)")
    ->type_name("HOST:PORT");
  sub
    .add_option("--connect", f->connect,
                "peer to dial, and to dial again whenever it is lost; any number")
    ->type_name("HOST:PORT");
  sub.add_flag("--demo", f->demo, "serve mul, div, pow, sub, echo, sleep, fail, whoami");
  sub
    .add_option("--executor", f->executor,
                "where functions run: async (on the scheduler), thread, or null (nowhere)")
    ->check(CLI::IsMember({"async", "thread", "null"}))
    ->capture_default_str();
  sub.add_option("--workers", f->workers, "functions that run at once")
    ->check(CLI::Range(1, 1024))
    ->capture_default_str();
  sub.add_flag("--verbose", f->verbose, "log connections, not only trouble");
  f->connection.add_security(sub);
  sub
    .add_option("--peer-key", f->peer_keys,
                "another key to log in with, and the name of whoever does; any number")
    ->type_name("NAME=FILE");
  sub
    .add_option("--allow", f->allow,
                "let peers of that name (--peer-key's, or of their TLS certificate; * is "
                "everybody) call functions whose name matches; any "
                "number. Without any, everybody may call everything")
    ->type_name("NAME:PATTERN");
  sub.add_flag("--insecure-listen-to-all", f->insecure,
               "listen beyond this machine without a key or client certificates");
  sub.add_option("--limit", f->limits, "set a limit of those below; any number")
    ->type_name("NAME=VALUE");
  sub.footer(limits_help()
             + "\nExample:\n  patio serve --demo --listen 127.0.0.1:15383 --listen '[::1]:15383'");
  sub.callback([f, &run] { run = [f] { return serve(*f); }; });
}

} // namespace patio::apps
