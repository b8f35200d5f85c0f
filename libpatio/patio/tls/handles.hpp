/// Owning handles for OpenSSL's objects.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

namespace patio::tls {

template <auto Free>
struct openssl_free {
  template <class T>
  void operator()(T* owned) const noexcept {
    Free(owned);
  }
};

using ssl_handle = std::unique_ptr<SSL, openssl_free<SSL_free>>;
using ssl_ctx_handle = std::unique_ptr<SSL_CTX, openssl_free<SSL_CTX_free>>;
using bio_handle = std::unique_ptr<BIO, openssl_free<BIO_free>>;
using x509_handle = std::unique_ptr<X509, openssl_free<X509_free>>;
using crl_handle = std::unique_ptr<X509_CRL, openssl_free<X509_CRL_free>>;
using key_handle = std::unique_ptr<EVP_PKEY, openssl_free<EVP_PKEY_free>>;
using san_handle = std::unique_ptr<GENERAL_NAMES, openssl_free<GENERAL_NAMES_free>>;
using octets_handle = std::unique_ptr<ASN1_OCTET_STRING, openssl_free<ASN1_OCTET_STRING_free>>;

} // namespace patio::tls
