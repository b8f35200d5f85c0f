#include <patio/tls/certificate.hpp>

#include <algorithm>

#include <patio/base/printable.hpp>
#include <patio/tls/error.hpp>

namespace patio::tls {
namespace {

constexpr std::size_t max_shown_names = 4, longest_shown_name = 64;

std::string_view bytes_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

bool is_control(char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }

void add_name(std::vector<std::string>& names, std::string_view name) {
  if (name.empty() || std::any_of(name.begin(), name.end(), is_control)) return;
  if (std::find(names.begin(), names.end(), name) == names.end()) names.emplace_back(name);
}

san_handle alternative_names(const X509* certificate) {
  return san_handle{static_cast<GENERAL_NAMES*>(
    X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr))};
}

/// Escapes and truncates a name for the log, because a peer chooses the names in its certificate.
std::string escaped(std::string_view name) {
  std::string text;
  for (auto c : name.substr(0, longest_shown_name)) {
    if (is_control(c) || c == '\'' || c == '\\' || static_cast<signed char>(c) < 0)
      append_code_point(text, static_cast<unsigned char>(c));
    else text += c;
  }
  return name.size() > longest_shown_name ? text + "..." : text;
}

std::string common_name(const X509_NAME* name) {
  std::string text(256, '\0');
  auto length = X509_NAME_get_text_by_NID(const_cast<X509_NAME*>(name), NID_commonName, text.data(),
                                          static_cast<int>(text.size()));
  text.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
  return text;
}

std::string quoted_common_name(const X509_NAME* name) {
  auto common = common_name(name);
  return common.empty() ? "a subject without a common name" : "'" + escaped(common) + "'";
}
std::string subject_of(const X509* certificate) {
  return quoted_common_name(X509_get_subject_name(certificate));
}
std::string issuer_of(const X509* certificate) {
  return quoted_common_name(X509_get_issuer_name(certificate));
}

std::string address_text(std::string_view octets) {
  std::string text;
  for (std::size_t i = 0; i < octets.size(); ++i) {
    auto octet = static_cast<unsigned char>(octets[i]);
    if (octets.size() == 4) {
      text += (i ? "." : "") + std::to_string(octet);
      continue;
    }
    if (i && i % 2 == 0) text += ':';
    append_hex(text, octet, 2);
  }
  return text;
}

std::vector<std::string> addresses_of(const X509* certificate) {
  std::vector<std::string> addresses;
  auto names = alternative_names(certificate);
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i)
    if (auto* name = sk_GENERAL_NAME_value(names.get(), i); name->type == GEN_IPADD)
      addresses.push_back(address_text(bytes_of(name->d.iPAddress)));
  return addresses;
}

std::vector<std::string> dns_names_of(const X509* certificate) {
  std::vector<std::string> found;
  auto names = alternative_names(certificate);
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i)
    if (auto* name = sk_GENERAL_NAME_value(names.get(), i); name->type == GEN_DNS)
      found.push_back(escaped(bytes_of(name->d.dNSName)));
  return found;
}

std::string list_of(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), max_shown_names); ++i)
    text += (i ? ", " : "") + names[i];
  return names.size() > max_shown_names ? text + ", ..." : text;
}

/// Describes a certificate for another host name. Its DNS names count, and its common name if there
/// is no DNS name.
std::string wrong_name(X509* certificate, std::string_view expected) {
  auto names = dns_names_of(certificate), addresses = addresses_of(certificate);
  bool has_dns = !names.empty();
  auto common = escaped(common_name(X509_get_subject_name(certificate)));
  if (!has_dns && !common.empty()) names.push_back(common);
  names.insert(names.end(), addresses.begin(), addresses.end());
  auto text = "the certificate is for " + (names.empty() ? "no host" : list_of(names)) + ", not "
              + std::string{expected};
  if (has_dns && common == expected) text += ": beside DNS names, the common name does not count";
  return text;
}

/// Describes a certificate for another IP address. Only its IP addresses count.
std::string wrong_address(X509* certificate, std::string_view expected) {
  auto addresses = addresses_of(certificate);
  if (!addresses.empty())
    return "the certificate is for " + list_of(addresses) + ", not " + std::string{expected};
  auto names = dns_names_of(certificate);
  auto common = common_name(X509_get_subject_name(certificate));
  std::string held;
  if (!names.empty()) held = (names.size() > 1 ? "DNS names " : "DNS name ") + list_of(names);
  else if (!common.empty()) held = "common name " + escaped(common);
  return "the certificate has no IP address" + (held.empty() ? held : ", only the " + held)
         + ": it is not for the address " + std::string{expected};
}

std::string date(const ASN1_TIME* when) {
  bio_handle out{BIO_new(BIO_s_mem())};
  char* text = nullptr;
  if (!out || ASN1_TIME_print(out.get(), when) != 1) return "an unreadable date";
  auto length = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(length)};
}

std::string details(int code, X509* certificate, std::string_view expected) {
  switch (code) {
  case X509_V_ERR_HOSTNAME_MISMATCH: return wrong_name(certificate, expected);
  case X509_V_ERR_IP_ADDRESS_MISMATCH: return wrong_address(certificate, expected);
  case X509_V_ERR_CERT_HAS_EXPIRED:
    return "the certificate of " + subject_of(certificate) + " expired on "
           + date(X509_get0_notAfter(certificate));
  case X509_V_ERR_CERT_NOT_YET_VALID:
    return "the certificate of " + subject_of(certificate) + " is valid from "
           + date(X509_get0_notBefore(certificate));
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
  case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    return "the issuer " + issuer_of(certificate) + " is not a trusted authority";
  case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
  case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    return subject_of(certificate) + " is not a trusted authority";
  case X509_V_ERR_UNABLE_TO_GET_CRL:
    return "there is no revocation list of " + issuer_of(certificate);
  case X509_V_ERR_CRL_HAS_EXPIRED:
    return "the revocation list of " + issuer_of(certificate) + " has expired";
  case X509_V_ERR_INVALID_PURPOSE:
    return "the certificate of " + subject_of(certificate) + " is not for "
           + (expected.empty() ? "clients" : "servers");
  default: return "the certificate of " + subject_of(certificate);
  }
}

} // namespace

std::vector<std::string> names_of(X509* certificate) {
  std::vector<std::string> names;
  auto alternative = alternative_names(certificate);
  for (int i = 0; alternative && i < sk_GENERAL_NAME_num(alternative.get()); ++i)
    if (auto* name = sk_GENERAL_NAME_value(alternative.get(), i); name->type == GEN_DNS)
      add_name(names, bytes_of(name->d.dNSName));
  auto* subject = X509_get_subject_name(certificate);
  for (int i = -1; (i = X509_NAME_get_index_by_NID(subject, NID_commonName, i)) >= 0;) {
    unsigned char* text = nullptr;
    auto length =
      ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i)));
    if (length < 0) continue;
    add_name(names, {reinterpret_cast<const char*>(text), static_cast<std::size_t>(length)});
    OPENSSL_free(text);
  }
  return names;
}

std::string doubt_about_server(X509* certificate) {
  auto text = "the certificate of " + subject_of(certificate);
  if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
    return text + " expired on " + date(X509_get0_notAfter(certificate));
  if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
    return text + " is valid from " + date(X509_get0_notBefore(certificate));
  if (X509_check_purpose(certificate, X509_PURPOSE_SSL_SERVER, 0) != 1)
    return text + " is not for servers";
  if (names_of(certificate).empty() && addresses_of(certificate).empty())
    return "the certificate names neither a host nor an address";
  return {};
}

std::string why_refused(X509_STORE_CTX* checked, std::string_view expected) {
  auto code = X509_STORE_CTX_get_error(checked);
  auto* certificate = X509_STORE_CTX_get_current_cert(checked);
  auto text = std::string{"certificate verify failed: "} + X509_verify_cert_error_string(code);
  return certificate ? text + ": " + details(code, certificate, expected) : text;
}

octets_handle ip_address(std::string_view host) {
  std::string text{host.substr(0, host.find('%'))};
  octets_handle address{a2i_IPADDRESS(text.c_str())};
  drain_openssl_errors();
  return address;
}

} // namespace patio::tls
