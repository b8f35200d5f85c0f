/// TLS 1.2 and 1.3 without sockets: cipher bytes go in, plain bytes come out, and the reverse. A
/// context is a value that connections share, on any thread; an engine is one connection, owned by
/// one thread at a time, and asks no clock but OpenSSL's.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <patio/base/secret.hpp>
#include <patio/value/error.hpp>

namespace patio {

/// How a node proves itself and whom it believes. All texts are PEM.
struct tls_options {
  enum class verification : std::uint8_t {
    full, ///< the server's certificate must come from an authority and name the server
    insecure_accept_any_server, ///< a client looks at no certificate: whoever answers reads and
                                ///< changes everything
  };
  secret certificates{}; ///< its own chain, leaf first; often in one text with the private key. Who
                         ///< accepts connections must have one
  secret private_key{};  ///< of the leaf, unencrypted
  std::string authorities{}; ///< to believe. Empty: a client trusts the system's store, a server
                             ///< asks no client for a certificate
  std::string revoked{}; ///< certificate revocation lists; if there are any, each issuer of a chain
                         ///< must have one
  std::string
    name{}; ///< what the server's certificate must name, instead of the host that is dialled
  verification verify = verification::full;
};

} // namespace patio

namespace patio::tls {

/// One connection. After an error it must be closed, once output() has been sent: that may tell the
/// peer why.
class engine {
public:
  struct state; ///< OpenSSL's side of it
  explicit engine(std::unique_ptr<state> made) noexcept;
  ~engine();
  engine(engine&&) = delete;

  /// Bytes from the socket, in any cut; what they decrypt to is appended to `plain`. Fails with
  /// errc::login_refused until the peer has sent its first plain byte, with errc::protocol from
  /// then on, and with the same error each time after that. Bytes behind a close_notify are
  /// ignored.
  [[nodiscard]] result<void> receive(std::string_view cipher, std::string& plain);

  /// Only once is_open(), else std::logic_error. Ignored after close() or an error.
  void send(std::string_view plain);

  /// Bytes for the socket; the owner takes them all and leaves the string empty.
  [[nodiscard]] std::string& output() noexcept;

  /// The handshake is done and the peer is who it should be.
  [[nodiscard]] bool is_open() const noexcept;

  /// The peer has said that nothing follows. A connection that ends without may have been cut by
  /// anybody.
  [[nodiscard]] bool peer_closed() const noexcept;

  /// Says so to the peer, once.
  void close();

  /// What the peer's verified certificate calls it: its DNS names, and its common name if it is not
  /// among them.
  [[nodiscard]] const std::vector<std::string>& peer_names() const noexcept;

private:
  std::unique_ptr<state> state_;
};

class context {
public:
  /// Fails with errc::invalid, saying which option is wrong and why.
  [[nodiscard]] static result<context> make(const tls_options& options);

  [[nodiscard]] bool can_accept() const noexcept;                 ///< it has a certificate
  [[nodiscard]] bool demands_client_certificate() const noexcept; ///< of whoever is accepted

  /// The side that listens; only if can_accept(), else std::logic_error. A client's handshake may
  /// have `most_handshake` bytes.
  [[nodiscard]] std::unique_ptr<engine> accept(std::size_t most_handshake) const;

  /// The side that dials. `host`, a name or an IP address, is what the server's certificate must be
  /// for, unless options.name is given.
  [[nodiscard]] result<std::unique_ptr<engine>> connect(std::string_view host) const;

private:
  struct shared; ///< with the SSL_CTX
  explicit context(std::shared_ptr<const shared> made) noexcept : shared_{std::move(made)} {}
  std::shared_ptr<const shared> shared_;
};

/// Whether the first bytes of a connection are those of TLS, which a listener without TLS may want
/// to say.
[[nodiscard]] bool looks_like_tls(std::string_view first_bytes) noexcept;

} // namespace patio::tls
