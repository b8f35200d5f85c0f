/// What the subcommands that call a peer have in common: a node that serves nothing, with one
/// connection.
#pragma once

#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include <patio/actors/broker/tcp_broker.hpp>
#include <patio/actors/caf/system.hpp>
#include <patio/actors/client/call.hpp>
#include <patio/actors/os/signals.hpp>
#include <patio/actors/os/tls_files.hpp>

namespace patio::apps {

/// Flags of every subcommand that opens a connection.
struct connection_flags {
  std::string key_file;
  bool tls = false, tls_insecure = false;
  tls_files files;
  std::string tls_name;
  double timeout = 60; ///< seconds
  /// The key and TLS.
  void add_security(CLI::App& app);
  void add_timeout(CLI::App& app);
};

/// A key of at most 32 bytes. A trailing newline of the file is not part of it.
[[nodiscard]] result<secret> load_key_file(const std::string& path);

/// The key from the file, else from PATIO_KEY, which is overwritten in the process's environment,
/// else empty.
[[nodiscard]] result<secret> load_key(const connection_flags& flags);

/// Nothing without --tls. Reads the files anew each time.
[[nodiscard]] result<std::optional<tls_options>> load_tls(const connection_flags& flags);

/// Checks before anything is opened.
[[nodiscard]] result<std::chrono::nanoseconds> seconds(double s);

class client {
public:
  ~client();
  /// Connects and logs in, or says why not.
  [[nodiscard]] static result<std::unique_ptr<client>>
  connect(const std::vector<std::string>& endpoints, const connection_flags& flags);

  [[nodiscard]] const tcp_broker_actor& broker() const noexcept { return broker_; }
  [[nodiscard]] const std::vector<peer_info>& peers() const noexcept { return peers_; }
  [[nodiscard]] caf::actor_system& system() noexcept { return system_; }

private:
  explicit client(tcp_options options);
  system_config config_;
  caf::actor_system system_{config_};
  tcp_broker_actor broker_;
  std::vector<peer_info> peers_;
};

} // namespace patio::apps
