#include "client.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <set>

#include <patio/actors/caf/callback_actor.hpp>
#include <patio/actors/caf/error.hpp>
#include <patio/actors/os/log.hpp>
#include <patio/protocol/login.hpp>

#include "exit_code.hpp"
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

void target_flags::add(CLI::App& app) {
  app
    .add_option("--connect", connect,
                "address of a peer; may be repeated: a peer that cannot be reached is a warning, "
                "as long as there is another")
    ->type_name("HOST:PORT")
    ->allow_extra_args(false);
  broker.add(app);
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

void client::dial(tcp_options options, std::vector<endpoint> targets) {
  logins_ = std::make_shared<logins>(std::move(targets));
  // The peers are connected before the first call. A name that no peer serves by then has no route
  // to wait for.
  options.limits.route_timeout = std::chrono::nanoseconds::zero();
  auto node = spawn_tcp_broker(system_, null_executor(), std::move(options));
  broker_ = node;
  const auto& all = logins_->targets();
  for (std::size_t i = 0; i < all.size(); ++i)
    connect_async(node, {all[i], {.gives_up = patio::give_up::at_first_failure}},
                  [logins = logins_, i](result<peer_info> r) { logins->settle(i, std::move(r)); });
}

client::~client() {
  warn_of_failures();
  if (broker_) shut_down(broker_);
}

void client::warn_of_failures() {
  if (!logins_) return;
  for (const auto& line : logins_->new_failures()) print_error("warning: " + displayable(line));
}

std::vector<peer_info> client::peers() {
  if (logins_) return logins_->peers();
  return {{1, engine_, role::client, {}, 0, 0, {}}};
}

namespace {

/// Sends a request, and returns the answer's message or its error.
result<caf::message> ask(const broker_actor& broker, caf::message question,
                         std::chrono::nanoseconds timeout) {
  auto answered = std::make_shared<std::promise<caf::message>>(); // outlives the wait
  auto answer = answered->get_future();
  request_async(broker, std::move(question),
                [answered](caf::message& m) { answered->set_value(m); });
  if (answer.wait_for(timeout) != std::future_status::ready)
    return fail(errc::timeout, "no answer in time (--timeout SECONDS allows more)");
  auto m = answer.get();
  if (m.match_elements<caf::error>()) return tl::unexpected(from_caf(m.get_as<caf::error>(0)));
  return m;
}

} // namespace

result<std::vector<std::string>> client::names() {
  if (logins_) {
    std::set<std::string> all;
    for (auto& peer : peers()) all.insert(peer.names.begin(), peer.names.end());
    return std::vector<std::string>(all.begin(), all.end());
  }
  auto m = ask(broker_, caf::make_message(discover_atom::value), std::chrono::seconds{60});
  if (!m) return tl::unexpected(std::move(m.error()));
  return m->get_as<std::vector<std::string>>(0);
}

result<function_descriptions> client::describe(const peer_info& peer,
                                               std::vector<std::string> names) {
  auto m = ask(broker_, caf::make_message(describe_atom::value, peer.id, std::move(names)),
               std::chrono::seconds{60});
  if (!m) return tl::unexpected(std::move(m.error()));
  return m->get_as<function_descriptions>(0);
}

result<std::map<std::string, function_description>> client::descriptions() {
  std::map<std::string, function_description> all;
  if (!logins_) return all;
  for (const auto& peer : peers()) {
    for (std::span<const std::string> rest{peer.names}; !rest.empty();) {
      auto some = rest.first(std::min(rest.size(), protocol::max_described));
      rest = rest.subspan(some.size());
      auto told = describe(peer, {some.begin(), some.end()});
      if (!told) return tl::unexpected(std::move(told.error()));
      for (std::size_t i = 0; i < std::min(some.size(), told->size()); ++i)
        if ((*told)[i]) all.emplace(some[i], std::move(*(*told)[i]));
    }
  }
  return all;
}

result<void> client::ping(const peer_info& peer, std::chrono::nanoseconds timeout) {
  auto question =
    logins_ ? caf::make_message(ping_atom::value, peer.id) : caf::make_message(ping_atom::value);
  auto m = ask(broker_, std::move(question), timeout);
  if (!m) return tl::unexpected(std::move(m.error()));
  return {};
}

result<std::unique_ptr<client>> client::connect_engine(const chosen_broker& broker,
                                                       const connection_flags& flags) {
  auto tls = load_tls(flags);
  if (!tls) return tl::unexpected(std::move(tls.error()));
  auto timeout = seconds(flags.timeout);
  if (!timeout) return tl::unexpected(std::move(timeout.error()));
  std::unique_ptr<client> made{new client};
  auto node = spawn_engine(made->system_, null_executor(), broker, std::move(*tls), {});
  if (!node) return tl::unexpected(std::move(node.error()));
  made->broker_ = *node;
  made->engine_ = to_string(broker.url);
  if (auto ready = wait_for_engine(*node, broker.url, *timeout); !ready)
    return tl::unexpected(std::move(ready.error()));
  return made;
}

result<std::unique_ptr<client>> client::connect(const target_flags& to,
                                                const connection_flags& flags,
                                                const std::string& function) {
  auto broker = load_broker(to.broker, to.connect.empty());
  if (!broker) return tl::unexpected(std::move(broker.error()));
  if (*broker && !to.connect.empty())
    return fail(errc::invalid,
                "--connect and --broker name two ways to the peers: use one of them");
  if (!*broker && to.connect.empty())
    return fail(errc::invalid, "no peer is named: use --connect HOST:PORT or --broker URL");
  set_log_level(log_level::off); // the command reports each failure once, as its own error
  if (*broker) {
    advise_about_broker();
    return connect_engine(**broker, flags);
  }
  auto key = load_key(flags);
  if (!key) return tl::unexpected(std::move(key.error()));
  auto tls = load_tls(flags);
  if (!tls) return tl::unexpected(std::move(tls.error()));
  auto targets = parse_endpoints(to.connect, "--connect");
  if (!targets) return tl::unexpected(std::move(targets.error()));
  auto timeout = seconds(flags.timeout);
  if (!timeout) return tl::unexpected(std::move(timeout.error()));
  std::unique_ptr<client> made{new client};
  made->dial({.key = std::move(*key), .tls = std::move(*tls)}, std::move(*targets));
  made->logins_->wait(std::chrono::steady_clock::now() + *timeout, [&](const peer_info& peer) {
    return !function.empty() && std::ranges::find(peer.names, function) != peer.names.end();
  });
  if (made->logins_->peers().empty()) return tl::unexpected(made->logins_->all_failed());
  made->warn_of_failures();
  return made;
}

} // namespace patio::apps
