/// The common part of the subcommands that call peers: the flags of a connection, and a node that
/// dials peers and serves no functions.
#pragma once

#include <map>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include <patio/actors/broker/tcp_broker.hpp>
#include <patio/actors/caf/system.hpp>
#include <patio/actors/client/call.hpp>
#include <patio/actors/os/signals.hpp>
#include <patio/actors/os/tls_files.hpp>

#include "broker_flags.hpp"
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

/// The peers of a command that calls functions.
struct target_flags {
  std::vector<std::string> connect;
  broker_flags broker;

  void add(CLI::App& app);
};

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

/// A node that has logged in to peers or to a message broker. A resource: the destructor shuts the
/// node down.
class client {
public:
  /// Prints a warning for each peer that has failed meanwhile.
  ~client();
  /// Connects and logs in to every endpoint within --timeout. With `function`, does not wait for
  /// the others once a peer that serves the function has logged in.
  ///
  /// Prints a warning for each peer that fails. If all fail, returns an error that names them.
  [[nodiscard]] static result<std::unique_ptr<client>> connect(const target_flags& targets,
                                                               const connection_flags& flags,
                                                               const std::string& function = {});

  [[nodiscard]] const broker_actor& broker() const noexcept { return broker_; }
  /// The peers that have logged in, at least one. A message broker's server is the only peer.
  [[nodiscard]] std::vector<peer_info> peers();
  /// Returns the names of the functions that can be called, sorted.
  [[nodiscard]] result<std::vector<std::string>> names();
  /// Returns what the peers say about their functions, by name. Python peers, and peers at a
  /// message broker, say nothing.
  [[nodiscard]] result<std::map<std::string, function_description>> descriptions();
  /// Makes a round trip to a peer.
  [[nodiscard]] result<void> ping(const peer_info& peer, std::chrono::nanoseconds timeout);
  [[nodiscard]] caf::actor_system& system() noexcept { return system_; }

private:
  client() = default;
  /// Spawns a node that dials the targets.
  void dial(tcp_options options, std::vector<endpoint> targets);
  [[nodiscard]] static result<std::unique_ptr<client>>
  connect_engine(const chosen_broker& broker, const connection_flags& flags);
  void warn_of_failures();
  [[nodiscard]] result<function_descriptions> describe(const peer_info& peer,
                                                       std::vector<std::string> names);

  system_config config_;
  caf::actor_system system_{config_};
  broker_actor broker_;
  std::string engine_;             ///< the address of the message broker; empty for direct peers
  std::shared_ptr<logins> logins_; ///< shared with the broker's callbacks; null with an engine
};

} // namespace patio::apps
