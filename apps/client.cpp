#include "client.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include <patio/actors/os/log.hpp>
#include <patio/protocol/login.hpp>

#include "output.hpp"
#include "standard_streams.hpp"

namespace patio::apps {

void connection_flags::add_security(CLI::App& app) {
  app
    .add_option(
      "--key-file", key_file,
      "file with the shared key, 1 to 32 bytes (default: the environment variable PATIO_KEY)")
    ->type_name("FILE");
  app.add_flag("--tls", tls, "require TLS; implied by every other --tls option");
  app
    .add_option("--tls-ca", files.authorities,
                "certificate authorities to trust (default: the system's); with this option, a "
                "node that listens requires client certificates")
    ->type_name("FILE");
  app.add_option("--tls-cert", files.certificate, "certificate to present, with its chain")
    ->type_name("FILE");
  app.add_option("--tls-key", files.private_key, "private key of the certificate")
    ->type_name("FILE");
  app.add_option("--tls-crl", files.revoked, "certificate revocation lists of the authorities")
    ->type_name("FILE");
  app
    .add_option("--tls-name", tls_name,
                "name that a dialled peer's certificate must have (default: the dialled host)")
    ->type_name("HOST");
  app.add_flag("--tls-insecure", tls_insecure,
               "accept any server certificate: anybody on the network path can then read and "
               "change all traffic");
}

void connection_flags::add_timeout(CLI::App& app) {
  app
    .add_option("--timeout", timeout,
                "time limit in seconds, for the login and for each call or ping")
    ->type_name("SECONDS")
    ->capture_default_str();
}

void add_peers(CLI::App& app, std::vector<std::string>& endpoints) {
  app
    .add_option("--connect", endpoints,
                "address of a peer; may be repeated: a peer that cannot be reached is a warning, "
                "as long as there is another")
    ->required()
    ->type_name("HOST:PORT")
    ->allow_extra_args(false);
}

namespace {

/// Removes one line end from the end of a text. An editor or a shell has added it to the key.
std::string_view without_line_end(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(text.ends_with("\r\n") ? 2 : 1);
  return text;
}

} // namespace

result<secret> load_key_file(const std::string& path) {
  auto bytes = read_secret_file(path);
  if (!bytes) return bytes;
  secret key = without_line_end(bytes->view());
  if (key.empty())
    return fail(errc::invalid, path
                                 + " is empty: a key has 1 to 32 bytes; omit the option if you "
                                   "need no key");
  if (auto fits = protocol::check_key(key.view()); !fits)
    return fail(errc::invalid, path + ": " + fits.error().message);
  return key;
}

result<secret> load_key(const connection_flags& flags) {
  if (!flags.key_file.empty()) return load_key_file(flags.key_file);
  char* from_environment = std::getenv("PATIO_KEY");
  if (!from_environment) return secret{};
  secret key{from_environment};
  // Anybody who may inspect the process can read its environment.
  std::memset(from_environment, 0, key.size());
  if (auto fits = protocol::check_key(key.view()); !fits)
    return fail(errc::invalid, "PATIO_KEY: " + fits.error().message);
  return key;
}

namespace {

/// Returns the flags of the TLS files, as on a command line.
std::string flags_text(const tls_files& files) {
  std::string text;
  auto add = [&](const char* flag, const std::string& path) {
    if (!path.empty()) text += (text.empty() ? "" : " ") + std::string{flag} + " " + path;
  };
  add("--tls-ca", files.authorities);
  add("--tls-cert", files.certificate);
  add("--tls-key", files.private_key);
  add("--tls-crl", files.revoked);
  return text;
}

} // namespace

result<std::optional<tls_options>> load_tls(const connection_flags& f) {
  const auto& files = f.files;
  bool implied = f.tls_insecure || !f.tls_name.empty() || !files.authorities.empty()
                 || !files.certificate.empty() || !files.private_key.empty()
                 || !files.revoked.empty();
  if (!f.tls && !implied) return std::nullopt;
  auto options = read_tls_files(files);
  if (!options) return tl::unexpected(std::move(options.error()));
  options->name = f.tls_name;
  if (f.tls_insecure) options->verify = tls_options::verification::insecure_accept_any_server;
  if (auto fits = tls::context::make(*options); !fits)
    return fail(fits.error().code, fits.error().message + " (" + flags_text(files) + ")");
  return std::move(*options);
}

result<std::chrono::nanoseconds> seconds(double s) {
  if (!(s > 0) || s > 86'400)
    return fail(errc::invalid, "--timeout takes a number of seconds above 0, at most 86400");
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>{s});
}

result<std::vector<endpoint>> parse_endpoints(const std::vector<std::string>& texts,
                                              const std::string& flag) {
  std::vector<endpoint> all;
  for (const auto& text : texts) {
    auto where = parse_endpoint(text);
    if (!where) return fail(errc::invalid, flag + ": " + where.error().message);
    all.push_back(std::move(*where));
  }
  return all;
}

client::client(tcp_options options, std::vector<endpoint> targets)
    : logins_{std::make_shared<logins>(std::move(targets))} {
  // The peers are connected before the first call. A name that no peer serves by then has no route
  // to wait for.
  options.limits.route_timeout = std::chrono::nanoseconds::zero();
  broker_ = spawn_tcp_broker(system_, null_executor(), std::move(options));
}

client::~client() {
  warn_of_failures();
  shut_down(broker_);
}

void client::dial_all() {
  const auto& targets = logins_->targets();
  for (std::size_t i = 0; i < targets.size(); ++i)
    connect_async(broker_, {targets[i], {.until_connected = false}},
                  [all = logins_, i](result<peer_info> r) { all->settle(i, std::move(r)); });
}

void client::warn_of_failures() {
  for (const auto& line : logins_->new_failures()) print_error("warning: " + displayable(line));
}

result<std::unique_ptr<client>> client::connect(const std::vector<std::string>& endpoints,
                                                const connection_flags& flags,
                                                const std::string& function) {
  auto key = load_key(flags);
  if (!key) return tl::unexpected(std::move(key.error()));
  auto tls = load_tls(flags);
  if (!tls) return tl::unexpected(std::move(tls.error()));
  auto targets = parse_endpoints(endpoints, "--connect");
  if (!targets) return tl::unexpected(std::move(targets.error()));
  auto timeout = seconds(flags.timeout);
  if (!timeout) return tl::unexpected(std::move(timeout.error()));
  set_log_level(log_level::off); // the command reports each failure once, as its own error
  std::unique_ptr<client> made{
    new client{{.key = std::move(*key), .tls = std::move(*tls)}, std::move(*targets)}};
  made->dial_all();
  made->logins_->wait(std::chrono::steady_clock::now() + *timeout, [&](const peer_info& peer) {
    return !function.empty() && std::ranges::find(peer.names, function) != peer.names.end();
  });
  if (made->peers().empty()) return tl::unexpected(made->logins_->all_failed());
  made->warn_of_failures();
  return made;
}

} // namespace patio::apps
