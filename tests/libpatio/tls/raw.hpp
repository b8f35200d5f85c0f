/// Peers on plain OpenSSL that an engine refuses, because they are old, weak or hostile.
#pragma once

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "tls/fixture.hpp"

namespace tls_testing {

class raw_peer {
public:
  enum class role : std::uint8_t { client, server };

  /// Accepts any version and cipher, and verifies nothing. `prepare` may restrict the versions and
  /// ciphers.
  template <class Prepare>
  raw_peer(role side, Prepare prepare) : context_{SSL_CTX_new(TLS_method()), SSL_CTX_free} {
    SSL_CTX_set_security_level(context_.get(), 0);
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
    prepare(context_.get());
    ssl_.reset(SSL_new(context_.get()), SSL_free);
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    if (side == role::server) SSL_set_accept_state(ssl_.get());
    else SSL_set_connect_state(ssl_.get());
  }
  explicit raw_peer(role side) : raw_peer{side, [](SSL_CTX*) {}} {}

  [[nodiscard]] SSL* ssl() const { return ssl_.get(); }
  [[nodiscard]] bool open() const { return SSL_is_init_finished(ssl_.get()) == 1; }

  /// Takes bytes of the other side. Returns the bytes that the peer wants to send.
  std::string take(std::string_view bytes) {
    BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
    char plain[4096];
    if (!open()) SSL_do_handshake(ssl_.get());
    for (int n = 0; open() && (n = SSL_read(ssl_.get(), plain, sizeof plain)) > 0;)
      received.append(plain, static_cast<std::size_t>(n));
    return bytes_to_send();
  }
  std::string send(std::string_view plain) {
    SSL_write(ssl_.get(), plain.data(), static_cast<int>(plain.size()));
    return bytes_to_send();
  }
  /// Also clears the error queue, because tests check that queue for errors of the engine.
  std::string bytes_to_send() {
    ERR_clear_error();
    char* bytes = nullptr;
    auto size = BIO_get_mem_data(SSL_get_wbio(ssl_.get()), &bytes);
    std::string out{bytes, static_cast<std::size_t>(size)};
    (void)BIO_reset(SSL_get_wbio(ssl_.get()));
    return out;
  }

  std::string received = {};

private:
  std::shared_ptr<SSL_CTX> context_;
  std::shared_ptr<SSL> ssl_;
};

/// Carries bytes both ways until none are left, or the engine has failed.
inline void run(raw_peer& raw, side& ours) {
  std::string to_raw = ours.bytes(), to_ours = raw.take(to_raw);
  while (!to_ours.empty() || !to_raw.empty()) {
    if (!to_ours.empty() && !ours.take(to_ours)) {
      (void)raw.take(ours.bytes());
      return;
    }
    to_raw = ours.bytes();
    to_ours = raw.take(to_raw);
  }
}

inline std::unique_ptr<BIO, decltype(&BIO_free)> bio_over(const std::string& pem) {
  return {BIO_new_mem_buf(pem.data(), -1), BIO_free};
}
inline std::unique_ptr<X509, decltype(&X509_free)> x509_of(const identity& node) {
  return {PEM_read_bio_X509(bio_over(node.certificate()).get(), nullptr, nullptr, nullptr),
          X509_free};
}

/// Gives a raw peer a certificate and its key.
inline auto with_identity(const identity& node) {
  return [&node](SSL_CTX* context) {
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{
      PEM_read_bio_PrivateKey(bio_over(node.private_key()).get(), nullptr, nullptr, nullptr),
      EVP_PKEY_free};
    REQUIRE(SSL_CTX_use_certificate(context, x509_of(node).get()) == 1);
    REQUIRE(SSL_CTX_use_PrivateKey(context, key.get()) == 1);
  };
}

} // namespace tls_testing
