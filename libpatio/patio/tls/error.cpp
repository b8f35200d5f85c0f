#include <patio/tls/error.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/sslerr.h>
#include <openssl/tls1.h>

namespace patio::tls {
namespace {

std::string describe_alert(int alert) {
  // OpenSSL 3.0 has no text for "certificate required".
  std::string text = "the peer refused with the TLS alert '";
  text += alert == SSL_AD_CERTIFICATE_REQUIRED ? "certificate required"
                                               : SSL_alert_desc_string_long(alert);
  switch (alert) {
  case SSL_AD_CERTIFICATE_REQUIRED: return text + "': it demands a client certificate";
  case SSL_AD_UNKNOWN_CA:
    return text
           + "': it does not trust the authority of this side's certificate, or got no certificate "
             "at all";
  case SSL_AD_BAD_CERTIFICATE:
  case SSL_AD_UNSUPPORTED_CERTIFICATE:
  case SSL_AD_CERTIFICATE_REVOKED:
  case SSL_AD_CERTIFICATE_EXPIRED:
  case SSL_AD_CERTIFICATE_UNKNOWN: return text + "': it does not accept this side's certificate";
  case SSL_AD_PROTOCOL_VERSION: return text + "': it does not speak TLS 1.2 or later";
  case SSL_AD_HANDSHAKE_FAILURE:
    return text
           + "': the two sides have no safe cipher in common, or it demands a client certificate";
  default: return text + "'";
  }
}

} // namespace

unsigned long drain_openssl_errors() noexcept {
  auto first = ERR_get_error();
  ERR_clear_error();
  return first;
}

std::string openssl_reason(unsigned long code) {
  const char* reason = ERR_reason_error_string(code);
  return reason ? reason : "OpenSSL's error " + std::to_string(code);
}

std::string describe_tls_error(unsigned long code) {
  if (ERR_GET_LIB(code) != ERR_LIB_SSL) return "TLS failed: " + openssl_reason(code);
  auto reason = ERR_GET_REASON(code);
  if (reason >= SSL_AD_REASON_OFFSET) return describe_alert(reason - SSL_AD_REASON_OFFSET);
  switch (reason) {
  case SSL_R_WRONG_VERSION_NUMBER:
  case SSL_R_HTTP_REQUEST:
  case SSL_R_HTTPS_PROXY_REQUEST: return "the peer does not speak TLS";
  case SSL_R_UNSUPPORTED_PROTOCOL:
  case SSL_R_VERSION_TOO_LOW: return "the peer does not speak TLS 1.2 or later";
  case SSL_R_NO_SHARED_CIPHER:
    return "the peer offers no cipher that is safe and fits this side's certificate";
  case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    return "the peer has sent no certificate, and this side demands one";
  case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC: return "a TLS record failed its integrity check";
  default: return "TLS failed: " + openssl_reason(code);
  }
}

} // namespace patio::tls
