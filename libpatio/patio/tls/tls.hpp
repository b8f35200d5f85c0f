/// TLS 1.2 and 1.3 without sockets: the engine decrypts and encrypts bytes in memory. A context is
/// a value that any number of connections may share, on any thread. An engine handles one
/// connection, and one thread at a time may use it. Only OpenSSL reads a clock, to check
/// certificates.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <patio/base/api.hpp>
#include <patio/base/secret.hpp>
#include <patio/value/error.hpp>

namespace PATIO_API patio {

/// The identity of a node, and the certificates that it trusts. All texts except `name` have PEM
/// form.
struct tls_options {
  enum class verification : std::uint8_t {
    /// A trusted authority must have issued the server's certificate, and the certificate must name
    /// the server.
    full,
    /// A client does not check the server's certificate. An attacker on the network can then read
    /// and change all data.
    insecure_accept_any_server,
  };
  /// The node's own certificate chain, leaf first. The text may also contain the private key, which
  /// is skipped. A node that accepts connections needs a chain.
  secret certificates{};
  secret private_key{}; ///< the leaf's key, unencrypted
  /// The trusted authorities. If this is empty, a client trusts the system's store, and a server
  /// does not ask clients for certificates.
  std::string authorities{};
  /// Certificate revocation lists. If there is any list, each issuer in a chain must have a list.
  std::string revoked{};
  /// The name that the server's certificate must have, instead of the dialled host.
  std::string name{};
  verification verify = verification::full;
};

} // namespace patio

namespace patio::tls {

/// One connection. After an error, the owner sends the bytes in output(), which contain an alert
/// with the reason, and closes the connection.
class engine {
public:
  struct state; ///< also used by OpenSSL's callbacks
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

  /// Returns the bytes for the socket. The owner takes all bytes and leaves the string empty.
  [[nodiscard]] std::string& output() noexcept;

  /// Returns true if the handshake is done, the peer is verified if that is required, and there was
  /// no error.
  [[nodiscard]] bool is_open() const noexcept;

  /// Returns true if the peer has sent a close_notify. If a connection ends without a close_notify,
  /// an attacker may have truncated the data.
  [[nodiscard]] bool peer_closed() const noexcept;

  /// Adds a close_notify to output(), once.
  void close();

  /// Returns the names in the peer's verified certificate: the DNS names, then the common names
  /// that are not among the DNS names. Returns no names if the peer is not verified.
  [[nodiscard]] const std::vector<std::string>& peer_names() const noexcept;

private:
  std::unique_ptr<state> state_;
};

class PATIO_INTERNAL_API context {
public:
  /// Fails with errc::invalid. The message names the wrong option and the reason.
  [[nodiscard]] static result<context> make(const tls_options& options);

  [[nodiscard]] bool can_accept() const noexcept; ///< the context has a certificate
  /// Returns the reason why clients will refuse the context's certificate, or "". Such a node can
  /// still dial.
  [[nodiscard]] const std::string& doubt() const noexcept;
  /// Returns true if each accepted client must send a certificate.
  [[nodiscard]] bool demands_client_certificate() const noexcept;

  /// Returns the engine of an accepted connection. Throws std::logic_error unless can_accept(). The
  /// client's handshake may have at most `max_handshake_bytes` bytes.
  [[nodiscard]] std::unique_ptr<engine> accept(std::size_t max_handshake_bytes) const;

  /// Returns the engine of a dialled connection, with its first bytes in output(). The server's
  /// certificate must be for `host`, a name or an IP address. If tls_options::name is set, the
  /// certificate must be for that name instead.
  [[nodiscard]] result<std::unique_ptr<engine>> connect(std::string_view host) const;

private:
  struct shared; ///< holds the SSL_CTX
  explicit context(std::shared_ptr<const shared> made) noexcept : shared_{std::move(made)} {}
  std::shared_ptr<const shared> shared_;
};

} // namespace patio::tls
