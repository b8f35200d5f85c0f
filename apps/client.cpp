#include "client.hpp"

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <patio/actors/log.hpp>
#include <patio/login.hpp>

namespace patio::apps {

void connection_flags::add_key(CLI::App& app) {
  app.add_option("--key-file", key_file, "file with the shared key of 0 to 32 bytes (default: the environment variable PATIO_KEY)")
    ->type_name("FILE");
}

void connection_flags::add_timeout(CLI::App& app) {
  app.add_option("--timeout", timeout, "seconds that each call may take")->type_name("SECONDS")->capture_default_str();
}

result<std::string> load_key(const connection_flags& flags) {
  std::string key;
  if (!flags.key_file.empty()) {
    std::ifstream file{flags.key_file, std::ios::binary};
    std::ostringstream text;
    if (!file || !(text << file.rdbuf())) return fail(errc::invalid, "--key-file " + flags.key_file + " cannot be read, or is empty");
    key = text.str();
    if (key.ends_with('\n')) key.pop_back();
  } else if (const char* from_environment = std::getenv("PATIO_KEY")) {
    key = from_environment;
  }
  if (auto fits = check_key(key); !fits) return tl::unexpected(std::move(fits.error()));
  return key;
}

result<std::chrono::nanoseconds> seconds(double s) {
  if (!(s > 0) || s > 86'400) return fail(errc::invalid, "--timeout takes a number of seconds above 0, at most 86400");
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>{s});
}

client::client(std::string key) {
  tcp_options options;
  options.key = std::move(key);
  // Every peer is connected before the first call, so a name that is not known now will not be.
  options.limits.route_wait = std::chrono::nanoseconds::zero();
  broker_ = spawn_tcp_broker(system_, null_executor(), std::move(options));
}

client::~client() { shut_down(broker_); }

result<std::unique_ptr<client>> client::connect(const std::vector<std::string>& endpoints, const connection_flags& flags) {
  auto key = load_key(flags);
  if (!key) return tl::unexpected(std::move(key.error()));
  std::vector<endpoint> targets;
  for (const auto& text : endpoints) {
    auto where = parse_endpoint(text);
    if (!where) return tl::unexpected(error{errc::invalid, "--connect " + where.error().message, {}});
    targets.push_back(std::move(*where));
  }
  set_log_level(log_level::off); // what goes wrong is reported once, as the command's own error
  std::unique_ptr<client> made{new client{std::move(*key)}};
  std::vector<std::future<result<peer_info>>> logins;
  for (const auto& where : targets) logins.push_back(patio::connect(made->broker_, where.host, where.port, {.until_connected = false}));
  auto patience = seconds(flags.timeout);
  if (!patience) return tl::unexpected(std::move(patience.error()));
  auto until = std::chrono::steady_clock::now() + *patience;
  for (auto& login : logins) {
    if (login.wait_until(until) != std::future_status::ready) return fail(errc::connect_failed, "no login within --timeout");
    auto peer = login.get();
    if (!peer) return tl::unexpected(std::move(peer.error()));
    made->peers_.push_back(std::move(*peer));
  }
  return made;
}

} // namespace patio::apps
