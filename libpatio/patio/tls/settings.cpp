#include <patio/tls/settings.hpp>

#include <new>

#include <patio/tls/certificate.hpp>
#include <patio/tls/error.hpp>
#include <patio/tls/handshake_guard.hpp>
#include <patio/tls/pem.hpp>

namespace patio::tls {
namespace {

constexpr auto ciphers_of_tls12 = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr auto ciphers_of_tls13 =
  "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr auto groups = "X25519:P-256:P-384";

constexpr auto switched_on =
  SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET | SSL_OP_SINGLE_ECDH_USE;
/// The system's OpenSSL configuration may have enabled these options.
constexpr auto switched_off =
  SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION
  | SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_ALLOW_CLIENT_RENEGOTIATION | SSL_OP_ENABLE_KTLS;

tl::unexpected<error> wrong(std::string text) { return fail(errc::invalid, std::move(text)); }

result<void> harden(SSL_CTX* context) {
  SSL_CTX_set_security_level(context, 2);
  SSL_CTX_clear_options(context, switched_off);
  SSL_CTX_set_options(context, switched_on);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify_depth(context, longest_chain);
  bool all = SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1
             && SSL_CTX_set_max_proto_version(context, 0) == 1
             && SSL_CTX_set_cipher_list(context, ciphers_of_tls12) == 1
             && SSL_CTX_set_ciphersuites(context, ciphers_of_tls13) == 1
             && SSL_CTX_set1_groups_list(context, groups) == 1
             && SSL_CTX_set_num_tickets(context, 0) == 1
             && SSL_CTX_set_max_early_data(context, 0) == 1
             && SSL_CTX_set_recv_max_early_data(context, 0) == 1;
  if (!all)
    return wrong("this OpenSSL cannot be limited to TLS 1.2 and 1.3: "
                 + openssl_reason(drain_openssl_errors()));
  return {};
}

/// Returns the error for a certificate or key below the security level, which requires 112 bits.
tl::unexpected<error> too_weak(const std::string& what) {
  return wrong(what + " is too weak: " + openssl_reason(drain_openssl_errors())
               + " (RSA keys need at least 2048 bits, signatures SHA-256)");
}

/// OpenSSL wipes a private key when it frees the key.
result<void> use_certificates(SSL_CTX* context, const tls_options& options) {
  if (options.certificates.empty() && options.private_key.empty()) return {};
  if (options.certificates.empty()) return wrong("there is a private key, but no certificate");
  if (options.private_key.empty()) return wrong("there is a certificate, but no private key");
  auto chain = read_certificates(options.certificates.view(), "the certificates");
  if (!chain) return tl::unexpected<error>{std::move(chain).error()};
  auto key = read_private_key(options.private_key.view(), "the private key");
  if (!key) return tl::unexpected<error>{std::move(key).error()};
  if (X509_check_private_key(chain->front().get(), key->get()) != 1)
    return wrong("the private key does not belong to the certificate (the first one if there are "
                 "several)");
  if (SSL_CTX_use_certificate(context, chain->front().get()) != 1)
    return too_weak("the certificate");
  if (SSL_CTX_use_PrivateKey(context, key->get()) != 1) return too_weak("the private key");
  for (auto issuer = chain->begin() + 1; issuer != chain->end(); ++issuer)
    if (SSL_CTX_add1_chain_cert(context, issuer->get()) != 1)
      return too_weak("a certificate of the chain");
  return {};
}

result<void> trust(SSL_CTX* context, const tls_options& options) {
  if (options.authorities.empty()) {
    if (options.verify == tls_options::verification::full)
      SSL_CTX_set_default_verify_paths(context);
    return {};
  }
  auto authorities = read_certificates(options.authorities, "the authorities");
  if (!authorities) return tl::unexpected<error>{std::move(authorities).error()};
  auto* store = SSL_CTX_get_cert_store(context);
  for (auto& authority : *authorities)
    if (X509_STORE_add_cert(store, authority.get()) != 1
        || SSL_CTX_add_client_CA(context, authority.get()) != 1)
      throw std::bad_alloc{};
  // A trusted authority may be an intermediate authority, without trust in its issuer.
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  return {};
}

result<void> revoke(SSL_CTX* context, const tls_options& options) {
  if (options.revoked.empty()) return {};
  auto lists = read_revocation_lists(options.revoked, "the revocation lists");
  if (!lists) return tl::unexpected<error>{std::move(lists).error()};
  auto* store = SSL_CTX_get_cert_store(context);
  for (auto& list : *lists)
    if (X509_STORE_add_crl(store, list.get()) != 1) throw std::bad_alloc{};
  X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  return {};
}

} // namespace

result<ssl_ctx_handle> make_ssl_context(const tls_options& options) {
  ssl_ctx_handle context{SSL_CTX_new(TLS_method())};
  if (!context) throw std::bad_alloc{};
  auto ok = harden(context.get())
              .and_then([&] { return use_certificates(context.get(), options); })
              .and_then([&] { return trust(context.get(), options); })
              .and_then([&] { return revoke(context.get(), options); });
  if (!ok) return tl::unexpected<error>{std::move(ok).error()};
  return context;
}

} // namespace patio::tls
