#include <patio/tls/error.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/sslerr.h>
#include <openssl/tls1.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace patio::tls {
namespace {

constexpr auto certificates = remedy::certificates;
constexpr auto settings = remedy::tls;

struct known_alert {
  int alert;
  remedy mend;
  std::string_view meaning;
};

constexpr std::string_view not_accepted = "it does not accept this side's certificate";

constexpr std::array alerts{
  known_alert{SSL_AD_CERTIFICATE_REQUIRED, certificates, "it demands a client certificate"},
  known_alert{SSL_AD_UNKNOWN_CA, certificates,
              "it does not trust the authority of this side's certificate, or got no certificate "
              "at all"},
  known_alert{SSL_AD_BAD_CERTIFICATE, certificates, not_accepted},
  known_alert{SSL_AD_UNSUPPORTED_CERTIFICATE, certificates, not_accepted},
  known_alert{SSL_AD_CERTIFICATE_REVOKED, certificates, not_accepted},
  known_alert{SSL_AD_CERTIFICATE_EXPIRED, certificates, not_accepted},
  known_alert{SSL_AD_CERTIFICATE_UNKNOWN, certificates, not_accepted},
  known_alert{SSL_AD_ACCESS_DENIED, certificates, not_accepted},
  known_alert{SSL_AD_RECORD_OVERFLOW, certificates,
              "this side has sent more than it accepts, such as a long chain of certificates"},
  known_alert{SSL_AD_ILLEGAL_PARAMETER, certificates,
              "it does not accept a part of this side's handshake, such as a long chain of "
              "certificates"},
  known_alert{SSL_AD_HANDSHAKE_FAILURE, certificates,
              "the two sides have no safe cipher in common, or it demands a client certificate"},
  known_alert{SSL_AD_INSUFFICIENT_SECURITY, settings, "it demands safer ciphers than this side's"},
  known_alert{SSL_AD_PROTOCOL_VERSION, settings, "it does not speak TLS 1.2 or later"},
  known_alert{SSL_AD_UNRECOGNIZED_NAME, certificates, "it does not know the name that was dialled"},
  known_alert{SSL_AD_BAD_RECORD_MAC, settings, "a TLS record was damaged on the way"},
  known_alert{SSL_AD_DECRYPT_ERROR, settings, "a TLS record was damaged on the way"},
  known_alert{SSL_AD_DECODE_ERROR, settings, "it cannot read this side's handshake"},
  known_alert{SSL_AD_INTERNAL_ERROR, settings, "it failed; its log may say why"},
};

tls_error describe_alert(int alert) {
  // OpenSSL 3.0 has no text for "certificate required".
  std::string text = "the peer refused with the TLS alert '";
  text += alert == SSL_AD_CERTIFICATE_REQUIRED ? "certificate required"
                                               : SSL_alert_desc_string_long(alert);
  std::ranges::replace(text, '_', ' '); // 'unexpected_message'
  text += "'";
  auto known = std::ranges::find(alerts, alert, &known_alert::alert);
  if (known == alerts.end()) return {text, settings};
  return {text + ": " + std::string{known->meaning}, known->mend};
}

struct known_reason {
  int reason;
  remedy mend;
  std::string_view text;
};

constexpr std::string_view not_tls = "the peer does not speak TLS";
constexpr std::string_view old_tls = "the peer does not speak TLS 1.2 or later";
constexpr std::string_view damaged = "a TLS record failed its integrity check";
constexpr std::string_view broken_handshake = "a message of the peer's TLS handshake is malformed";
constexpr std::string_view wrong_order = "a message of the peer's TLS handshake comes out of order";
constexpr std::string_view bad_certificate = "the peer's certificate cannot be decoded";
constexpr std::string_view bad_proof = "the peer does not have the key of its certificate";
constexpr std::string_view no_signature = "the two sides have no signature algorithm in common";
constexpr std::string_view no_group = "the two sides have no key exchange in common";
constexpr std::string_view failed = "OpenSSL failed on this side";

constexpr std::array reasons{
  known_reason{SSL_R_WRONG_VERSION_NUMBER, settings, not_tls},
  known_reason{SSL_R_HTTP_REQUEST, settings, not_tls},
  known_reason{SSL_R_HTTPS_PROXY_REQUEST, settings, not_tls},
  known_reason{SSL_R_UNSUPPORTED_PROTOCOL, settings, old_tls},
  known_reason{SSL_R_VERSION_TOO_LOW, settings, old_tls},
  known_reason{SSL_R_UNSUPPORTED_SSL_VERSION, settings, old_tls},
  known_reason{SSL_R_NO_SHARED_CIPHER, certificates,
               "the peer offers no cipher that is safe and fits this side's certificate"},
  known_reason{SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, certificates, no_signature},
  known_reason{SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, certificates, no_signature},
  known_reason{SSL_R_WRONG_SIGNATURE_TYPE, certificates, no_signature},
  known_reason{SSL_R_NO_SUITABLE_KEY_SHARE, settings, no_group},
  known_reason{SSL_R_NO_SHARED_GROUPS, settings, no_group},
  known_reason{SSL_R_NO_SUITABLE_GROUPS, settings, no_group},
  known_reason{SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, certificates,
               "the peer has sent no certificate, and this side demands one"},
  known_reason{SSL_R_NO_CERTIFICATES_RETURNED, certificates, "the peer has sent no certificate"},
  known_reason{SSL_R_CERT_LENGTH_MISMATCH, certificates, bad_certificate},
  known_reason{SSL_R_UNKNOWN_CERTIFICATE_TYPE, certificates, bad_certificate},
  known_reason{SSL_R_BAD_SIGNATURE, certificates, bad_proof},
  known_reason{SSL_R_DIGEST_CHECK_FAILED, settings, damaged},
  known_reason{SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, settings, damaged},
  known_reason{SSL_R_LENGTH_MISMATCH, settings, broken_handshake},
  known_reason{SSL_R_LENGTH_TOO_SHORT, settings, broken_handshake},
  known_reason{SSL_R_BAD_EXTENSION, settings, broken_handshake},
  known_reason{SSL_R_BAD_PACKET, settings, broken_handshake},
  known_reason{SSL_R_UNEXPECTED_MESSAGE, settings, wrong_order},
  known_reason{SSL_R_UNEXPECTED_RECORD, settings, wrong_order},
  known_reason{SSL_R_BAD_CHANGE_CIPHER_SPEC, settings, wrong_order},
  known_reason{SSL_R_CCS_RECEIVED_EARLY, settings, wrong_order},
  known_reason{ERR_R_INTERNAL_ERROR, settings, failed},
};

/// Returns true if OpenSSL's text is only the name of a library or routine.
bool is_internal_name(std::string_view reason) {
  constexpr std::array parts{"_", "()", "tlsext", "ssl3 "};
  auto has = [&](const char* part) { return reason.find(part) != std::string_view::npos; };
  return reason.ends_with(" lib") || std::ranges::any_of(parts, has);
}

/// Describes an error in another part of OpenSSL than its protocol.
tls_error describe_other(unsigned long code) {
  switch (ERR_GET_LIB(code)) {
  case ERR_LIB_ASN1:
  case ERR_LIB_X509:
  case ERR_LIB_X509V3:
  case ERR_LIB_PEM:
    return {std::string{bad_certificate} + ": " + openssl_reason(code), certificates};
  case ERR_LIB_RSA:
  case ERR_LIB_EC:
  case ERR_LIB_EVP:
  case ERR_LIB_PROV:
    return {"the peer's key or signature is wrong: " + openssl_reason(code), certificates};
  default: return {"TLS failed: " + openssl_reason(code), settings};
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
  if (!reason || is_internal_name(reason)) return "OpenSSL's error " + std::to_string(code);
  return reason;
}

tls_error describe_tls_error(unsigned long code) {
  if (ERR_GET_LIB(code) != ERR_LIB_SSL) return describe_other(code);
  auto reason = ERR_GET_REASON(code);
  if (reason >= SSL_AD_REASON_OFFSET) return describe_alert(reason - SSL_AD_REASON_OFFSET);
  auto known = std::ranges::find(reasons, reason, &known_reason::reason);
  if (known != reasons.end()) return {std::string{known->text}, known->mend};
  return {"TLS failed: " + openssl_reason(code), settings};
}

} // namespace patio::tls
