#include "tls/certificates.hpp"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <functional>
#include <stdexcept>

namespace {

constexpr long day = 24 * 60 * 60;

void must(bool worked, const char* what) {
  if (!worked) throw std::runtime_error{std::string{"certificates: "} + what};
}

std::string pem(const std::function<int(BIO*)>& write) {
  std::unique_ptr<BIO, decltype(&BIO_free)> out{BIO_new(BIO_s_mem()), BIO_free};
  must(write(out.get()) == 1, "PEM");
  char* text = nullptr;
  auto size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

EVP_PKEY* new_key(certificate_content::key_kind kind) {
  switch (kind) {
  case certificate_content::key_kind::rsa1024: return EVP_RSA_gen(1024);
  case certificate_content::key_kind::rsa2048: return EVP_RSA_gen(2048);
  default: return EVP_EC_gen("P-256");
  }
}

void extend(X509* certificate, int nid, const std::string& text) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> made{
    X509V3_EXT_conf_nid(nullptr, &context, nid, text.c_str()), X509_EXTENSION_free};
  must(made && X509_add_ext(certificate, made.get(), -1) == 1, "extension");
}

/// Made without OpenSSL's text form, which cannot express a NUL.
GENERAL_NAME* host_name(const std::string& host) {
  auto* name = GENERAL_NAME_new();
  auto* text = ASN1_IA5STRING_new();
  ASN1_STRING_set(text, host.data(), static_cast<int>(host.size()));
  GENERAL_NAME_set0_value(name, GEN_DNS, text);
  return name;
}

GENERAL_NAME* address_name(const std::string& address) {
  auto* name = GENERAL_NAME_new();
  GENERAL_NAME_set0_value(name, GEN_IPADD, a2i_IPADDRESS(address.c_str()));
  return name;
}

void add_alternative_names(X509* certificate, const certificate_content& content) {
  if (content.hosts.empty() && content.addresses.empty()) return;
  std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> names{GENERAL_NAMES_new(),
                                                                      GENERAL_NAMES_free};
  for (const auto& host : content.hosts) sk_GENERAL_NAME_push(names.get(), host_name(host));
  for (const auto& address : content.addresses)
    sk_GENERAL_NAME_push(names.get(), address_name(address));
  must(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, X509V3_ADD_DEFAULT)
         == 1,
       "alternative names");
}

void fill(X509* certificate, const certificate_content& content, bool is_authority) {
  static long serial = 1000;
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), content.valid_from * day);
  X509_gmtime_adj(X509_getm_notAfter(certificate), content.valid_until * day);
  const auto& name = content.common_name;
  if (!name.empty())
    must(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(name.data()),
                                    static_cast<int>(name.size()), -1, 0)
           == 1,
         "common name");
  extend(certificate, NID_basic_constraints, is_authority ? "critical,CA:TRUE" : "CA:FALSE");
  if (!content.usage.empty()) extend(certificate, NID_ext_key_usage, content.usage);
  add_alternative_names(certificate, content);
}

} // namespace

identity identity::make(const certificate_content& content, bool is_authority,
                        const identity* issuer) {
  identity made;
  made.key_.reset(new_key(content.key), EVP_PKEY_free);
  made.certificate_.reset(X509_new(), X509_free);
  must(made.key_ && made.certificate_, "key");
  auto* certificate = made.certificate_.get();
  fill(certificate, content, is_authority);
  X509_set_issuer_name(certificate,
                       X509_get_subject_name(issuer ? issuer->certificate_.get() : certificate));
  X509_set_pubkey(certificate, made.key_.get());
  must(X509_sign(certificate, issuer ? issuer->key_.get() : made.key_.get(),
                 content.sha1 ? EVP_sha1() : EVP_sha256())
         > 0,
       "signature");
  made.certificate_pem_ = pem([&](BIO* out) { return PEM_write_bio_X509(out, certificate); });
  made.key_pem_ = pem([&](BIO* out) {
    return PEM_write_bio_PKCS8PrivateKey(out, made.key_.get(), nullptr, nullptr, 0, nullptr,
                                         nullptr);
  });
  return made;
}

std::string identity::encrypted_private_key(const char* pass_phrase) const {
  return pem([&](BIO* out) {
    return PEM_write_bio_PKCS8PrivateKey(out, key_.get(), EVP_aes_128_cbc(), nullptr, 0, nullptr,
                                         const_cast<char*>(pass_phrase));
  });
}

std::string identity::revocation_list(const std::vector<identity>& revoked, int valid_until) const {
  std::unique_ptr<X509_CRL, decltype(&X509_CRL_free)> list{X509_CRL_new(), X509_CRL_free};
  std::unique_ptr<ASN1_TIME, decltype(&ASN1_TIME_free)> from{X509_gmtime_adj(nullptr, -2 * day),
                                                             ASN1_TIME_free},
    until{X509_gmtime_adj(nullptr, valid_until * day), ASN1_TIME_free};
  X509_CRL_set_version(list.get(), X509_CRL_VERSION_2);
  X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(certificate_.get()));
  X509_CRL_set1_lastUpdate(list.get(), from.get());
  X509_CRL_set1_nextUpdate(list.get(), until.get());
  for (const auto& one : revoked) {
    auto* entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(one.certificate_.get()));
    X509_REVOKED_set_revocationDate(entry, from.get());
    X509_CRL_add0_revoked(list.get(), entry);
  }
  must(X509_CRL_sign(list.get(), key_.get(), EVP_sha256()) > 0, "signature of the revocation list");
  return pem([&](BIO* out) { return PEM_write_bio_X509_CRL(out, list.get()); });
}
