/// Makes certificates of every kind, right and wrong, for tests of TLS. Do not use them elsewhere:
/// some keys are weak because a test needs weak keys.
#pragma once

#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

/// The content of a certificate. Days count from now.
struct certificate_content {
  enum class key_kind : std::uint8_t { p256, rsa2048, rsa1024 };
  std::string common_name;
  std::vector<std::string> hosts = {};         ///< alternative names, byte for byte
  std::vector<std::string> addresses = {};     ///< alternative names, IPv4 or IPv6 as text
  std::string usage = "serverAuth,clientAuth"; ///< if empty, without this extension
  int valid_from = -1, valid_until = 1;
  key_kind key = key_kind::p256;
  bool sha1 = false;
};

/// A certificate and its key; a copy shares them.
class identity {
public:
  [[nodiscard]] const std::string& certificate() const { return certificate_pem_; }
  [[nodiscard]] const std::string& private_key() const { return key_pem_; }
  [[nodiscard]] std::string encrypted_private_key(const char* pass_phrase) const;

  /// Makes a certificate that `issuer` signs. Without an issuer it is self-signed.
  [[nodiscard]] static identity make(const certificate_content& content, bool is_authority,
                                     const identity* issuer);
  [[nodiscard]] identity issue(const certificate_content& content) const {
    return make(content, false, this);
  }
  [[nodiscard]] identity issue_authority(const certificate_content& content) const {
    return make(content, true, this);
  }

  /// Returns a list, signed by this authority, of the certificates that it has revoked.
  [[nodiscard]] std::string revocation_list(const std::vector<identity>& revoked,
                                            int valid_until = 1) const;

private:
  std::shared_ptr<X509> certificate_;
  std::shared_ptr<EVP_PKEY> key_;
  std::string certificate_pem_, key_pem_;
};

[[nodiscard]] inline identity make_authority(const std::string& name) {
  return identity::make({.common_name = name, .usage = ""}, true, nullptr);
}
