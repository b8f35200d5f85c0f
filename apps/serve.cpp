#include <iostream>

#include <patio/actors/log.hpp>
#include <patio/actors/tcp_broker.hpp>

#include "client.hpp"
#include "commands.hpp"
#include "demo.hpp"
#include "exit_code.hpp"
#include "output.hpp"

namespace patio::apps {
namespace {

struct serve_flags {
  connection_flags connection;
  std::vector<std::string> listen, connect;
  std::string executor = "async";
  std::size_t workers = 4;
  bool demo = false, verbose = false;
};

executor make_executor(caf::actor_system& sys, const registry& functions, const serve_flags& f) {
  if (f.executor == "null") return null_executor(functions);
  if (f.executor == "thread") return spawn_thread_pool(sys, functions, {.workers = f.workers});
  return spawn_async_pool(sys, functions, {.workers = f.workers});
}

result<std::vector<endpoint>> parse_all(const std::vector<std::string>& texts, const std::string& flag) {
  std::vector<endpoint> all;
  for (const auto& text : texts) {
    auto where = parse_endpoint(text);
    if (!where) return fail(errc::invalid, flag + " " + where.error().message);
    all.push_back(std::move(*where));
  }
  return all;
}

result<void> open_all(const tcp_broker_actor& node, const std::vector<endpoint>& listen_on, const std::vector<endpoint>& dial) {
  for (const auto& where : listen_on) {
    auto bound = listen(node, where.host, where.port);
    if (!bound) return tl::unexpected(std::move(bound.error()));
    std::cout << "listening on " << to_string(*bound) << std::endl;
  }
  for (const auto& where : dial) {
    // The peer may come up at any time; the line is printed when it has.
    auto login = std::make_shared<std::future<result<peer_info>>>(connect(node, where.host, where.port));
    std::thread{[login, where] {
      if (login->get()) std::cout << "connected to " + to_string(where) + "\n" << std::flush;
    }}.detach();
  }
  return {};
}

int serve(const serve_flags& f) {
  block_signals();
  auto listen_on = parse_all(f.listen, "--listen"), dial = parse_all(f.connect, "--connect");
  auto key = load_key(f.connection);
  if (!listen_on) return report(listen_on.error());
  if (!dial) return report(dial.error());
  if (!key) return report(key.error());
  if (listen_on->empty() && dial->empty()) listen_on->push_back({"127.0.0.1", default_port});
  set_log_level(f.verbose ? log_level::info : log_level::warning);
  system_config config;
  caf::actor_system sys{config};
  auto node = spawn_tcp_broker(sys, make_executor(sys, f.demo ? demo_functions() : registry{}, f), {.key = *key});
  auto opened = open_all(node, *listen_on, *dial);
  if (opened) {
    wait_for_signal();
    std::thread{[] { wait_for_signal(), std::_Exit(lost); }}.detach(); // asked twice, it does not drain
  }
  shut_down(node);
  // A function that never ends has had its drain, and must not keep the process.
  if (opened) std::cout.flush(), std::_Exit(ok);
  std::cerr << "patio: " << displayable(opened.error().message) << " (--listen HOST:PORT takes another; port 0 is any free one)\n";
  return exit_code_of(opened.error().code);
}

} // namespace

void add_serve(CLI::App& app, command& run) {
  auto& sub = *app.add_subcommand("serve", "run a node until SIGINT or SIGTERM");
  auto f = std::make_shared<serve_flags>();
  sub.add_option("--listen", f->listen, "address to accept peers on; any number (default: 127.0.0.1:15383, unless --connect is given)")
    ->type_name("HOST:PORT");
  sub.add_option("--connect", f->connect, "peer to dial, and to dial again whenever it is lost; any number")->type_name("HOST:PORT");
  sub.add_flag("--demo", f->demo, "serve mul, div, pow, sub, echo, sleep, fail, whoami");
  sub.add_option("--executor", f->executor, "where functions run: async (on the scheduler), thread, or null (nowhere)")
    ->check(CLI::IsMember({"async", "thread", "null"}))
    ->capture_default_str();
  sub.add_option("--workers", f->workers, "functions that run at once")->check(CLI::Range(1, 1024))->capture_default_str();
  sub.add_flag("--verbose", f->verbose, "log connections, not only trouble");
  f->connection.add_key(sub);
  sub.footer("Example:\n  patio serve --demo --listen 127.0.0.1:15383 --listen '[::1]:15383'");
  sub.callback([f, &run] { run = [f] { return serve(*f); }; });
}

} // namespace patio::apps
