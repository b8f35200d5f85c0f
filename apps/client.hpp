/// The common part of the subcommands that call peers: the flags of a connection, and a node that
/// dials peers and serves no functions.
#pragma once

#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include <patio/actors/broker/tcp_broker.hpp>
#include <patio/actors/caf/system.hpp>
#include <patio/actors/client/call.hpp>
#include <patio/actors/os/signals.hpp>
#include <patio/actors/os/tls_files.hpp>

#include "logins.hpp"

namespace patio::apps {

/// The flags of a subcommand that opens connections.
struct connection_flags {
  std::string key_file;
  bool tls = false, tls_insecure = false;
  tls_files files;
  std::string tls_name;
  double timeout = 60; ///< seconds

  /// Declares the flags of the key and of TLS.
  void add_security(CLI::App& app);
  void add_timeout(CLI::App& app);
};

/// Declares --connect, which a command that calls peers needs at least once.
void add_peers(CLI::App& app, std::vector<std::string>& endpoints);

/// Reads a key of 1 to 32 bytes. A line end (LF or CRLF) at the end of the file is not part of the
/// key.
[[nodiscard]] result<secret> load_key_file(const std::string& path);

/// Reads the key from the file if there is one, else from PATIO_KEY. Overwrites PATIO_KEY in the
/// process's environment. The key is empty if neither is set.
[[nodiscard]] result<secret> load_key(const connection_flags& flags);

/// Reads the TLS files, again on each call. Returns nothing if no TLS flag was given.
[[nodiscard]] result<std::optional<tls_options>> load_tls(const connection_flags& flags);

/// Checks the value of --timeout.
[[nodiscard]] result<std::chrono::nanoseconds> seconds(double s);

/// Parses the values of `flag`, which is named in the error.
[[nodiscard]] result<std::vector<endpoint>> parse_endpoints(const std::vector<std::string>& texts,
                                                            const std::string& flag);

/// A node that has logged in to peers. A resource: the destructor shuts the node down.
class client {
public:
  /// Prints a warning for each peer that has failed meanwhile.
  ~client();
  /// Connects and logs in to every endpoint within --timeout. With `function`, does not wait for
  /// the others once a peer that serves the function has logged in.
  ///
  /// Prints a warning for each peer that fails. If all fail, returns an error that names them.
  [[nodiscard]] static result<std::unique_ptr<client>>
  connect(const std::vector<std::string>& endpoints, const connection_flags& flags,
          const std::string& function = {});

  [[nodiscard]] const tcp_broker_actor& broker() const noexcept { return broker_; }
  /// The peers that have logged in, at least one.
  [[nodiscard]] std::vector<peer_info> peers() { return logins_->peers(); }
  [[nodiscard]] caf::actor_system& system() noexcept { return system_; }

private:
  client(tcp_options options, std::vector<endpoint> targets);
  void dial_all();
  void warn_of_failures();

  system_config config_;
  caf::actor_system system_{config_};
  tcp_broker_actor broker_;
  std::shared_ptr<logins> logins_; ///< shared with the broker's callbacks
};

} // namespace patio::apps
