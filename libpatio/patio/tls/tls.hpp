/// TLS 1.2 and 1.3 without sockets: cipher bytes go in and plain bytes come out, and the reverse.
/// A context is a value that connections share, on any thread. An engine is one connection, and
/// belongs to one thread at a time. Only OpenSSL reads a clock, to check certificates.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <patio/base/secret.hpp>
#include <patio/value/error.hpp>

namespace patio {

/// How a node proves its identity, and whom it trusts. All texts are PEM.
struct tls_options {
  enum class verification : std::uint8_t {
    /// The server's certificate must come from a trusted authority and name the server.
    full,
    /// A client checks no certificate. Whoever answers can read and change everything.
    insecure_accept_any_server,
  };
  /// The node's own chain, leaf first. The text may also hold the private key. A node that accepts
  /// connections needs a chain.
  secret certificates{};
  secret private_key{}; ///< the leaf's key, unencrypted
  /// The authorities to trust. If this is empty, a client trusts the system's store, and a server
  /// asks no client for a certificate.
  std::string authorities{};
  /// Certificate revocation lists. If there are any, each issuer in a chain must have a list.
  std::string revoked{};
  /// The name that the server's certificate must have, in place of the dialled host.
  std::string name{};
  verification verify = verification::full;
};

} // namespace patio

namespace patio::tls {

/// One connection. After an error its owner sends what output() holds, which may tell the peer the
/// reason, and closes the connection.
class engine {
public:
  struct state; ///< the part that OpenSSL shares
  explicit engine(std::unique_ptr<state> made) noexcept;
  ~engine();
  engine(engine&&) = delete;

  /// Takes bytes from the socket, in pieces of any size, and appends the decrypted bytes to
  /// `plain`. Fails with errc::login_refused until the peer has sent its first plain byte, and with
  /// errc::protocol from then on. After a failure, each call fails with the same error. Ignores the
  /// bytes after a close_notify.
  [[nodiscard]] result<void> receive(std::string_view cipher, std::string& plain);

  /// Encrypts `plain` into output(). Throws std::logic_error before the handshake is done. Does
  /// nothing after close() or an error.
  void send(std::string_view plain);

  /// The bytes for the socket. The owner takes all of them and leaves the string empty.
  [[nodiscard]] std::string& output() noexcept;

  /// The handshake is done, the peer is verified if it must be, and there was no error.
  [[nodiscard]] bool is_open() const noexcept;

  /// The peer has sent a close_notify. The end of a connection without one may be a truncation by
  /// anybody on the network.
  [[nodiscard]] bool peer_closed() const noexcept;

  /// Adds a close_notify to output(), once.
  void close();

  /// The names in the peer's verified certificate: its DNS names, then its common names that are
  /// not among them. Empty if the peer is not verified.
  [[nodiscard]] const std::vector<std::string>& peer_names() const noexcept;

private:
  std::unique_ptr<state> state_;
};

class context {
public:
  /// Fails with errc::invalid, naming the wrong option and the reason.
  [[nodiscard]] static result<context> make(const tls_options& options);

  [[nodiscard]] bool can_accept() const noexcept; ///< it has a certificate
  /// Each client that it accepts must show a certificate.
  [[nodiscard]] bool demands_client_certificate() const noexcept;

  /// Returns the engine of the side that listens. Throws std::logic_error unless can_accept(). The
  /// client's handshake may have at most `max_handshake_bytes` bytes.
  [[nodiscard]] std::unique_ptr<engine> accept(std::size_t max_handshake_bytes) const;

  /// Returns the engine of the side that dials, with its first bytes in output(). The server's
  /// certificate must be for `host`, a name or an IP address, unless options.name is set.
  [[nodiscard]] result<std::unique_ptr<engine>> connect(std::string_view host) const;

private:
  struct shared; ///< holds the SSL_CTX
  explicit context(std::shared_ptr<const shared> made) noexcept : shared_{std::move(made)} {}
  std::shared_ptr<const shared> shared_;
};

} // namespace patio::tls
