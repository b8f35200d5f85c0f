#include <patio/tls/pem.hpp>

#include <openssl/err.h>
#include <openssl/pem.h>

#include <climits>
#include <new>
#include <string>

#include <patio/tls/error.hpp>

namespace patio::tls {
namespace {

/// Gives OpenSSL no pass phrase, and records the request. Without this callback OpenSSL would ask
/// at the terminal.
int no_pass_phrase(char*, int, int, void* asked) {
  if (asked) *static_cast<bool*>(asked) = true;
  return 0;
}

/// Returns a BIO that reads the text in place, so there is no copy of a key to wipe.
bio_handle bio_over_text(std::string_view text) {
  bio_handle bio{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
  if (!bio) throw std::bad_alloc{};
  return bio;
}

tl::unexpected<error> wrong(std::string_view what, std::string text) {
  return fail(errc::invalid, std::string{what} + ": " + std::move(text));
}

bool at_end_of_pem(unsigned long code) {
  return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

/// Says what a text holds that has none of the wanted blocks: "it begins with BEGIN PRIVATE KEY".
std::string found_instead(std::string_view text) {
  constexpr std::string_view begin = "-----BEGIN ";
  constexpr char der_sequence = 0x30;
  auto at = text.find(begin);
  if (at == std::string_view::npos)
    return text.starts_with(der_sequence)
             ? "; it seems to be in DER form, which 'openssl' converts with -inform DER"
             : "";
  auto label = text.substr(at + begin.size()).substr(0, 40);
  auto end = label.find("-----");
  if (end == std::string_view::npos) return "";
  return "; there is a " + std::string{label.substr(0, end)};
}

template <class Handle, class Read>
result<std::vector<Handle>> read_all(std::string_view pem, std::string_view what,
                                     const std::string& kind, Read read) {
  if (pem.size() > INT_MAX) return wrong(what, "too large");
  ERR_clear_error();
  std::vector<Handle> all;
  auto from = bio_over_text(pem);
  while (auto* one = read(from.get(), nullptr, no_pass_phrase, nullptr)) all.emplace_back(one);
  auto code = drain_openssl_errors();
  if (!at_end_of_pem(code))
    return wrong(what, "number " + std::to_string(all.size() + 1) + " is not a readable " + kind
                         + ": " + openssl_reason(code));
  if (all.empty()) return wrong(what, "there is no " + kind + " in PEM form" + found_instead(pem));
  return all;
}

} // namespace

result<std::vector<x509_handle>> read_certificates(std::string_view pem, std::string_view what) {
  // This function also reads a TRUSTED CERTIFICATE, with what it is trusted for.
  return read_all<x509_handle>(pem, what, "certificate", PEM_read_bio_X509_AUX);
}

result<std::vector<crl_handle>> read_revocation_lists(std::string_view pem, std::string_view what) {
  return read_all<crl_handle>(pem, what, "certificate revocation list", PEM_read_bio_X509_CRL);
}

result<key_handle> read_private_key(std::string_view pem, std::string_view what) {
  if (pem.size() > INT_MAX) return wrong(what, "too large");
  ERR_clear_error();
  bool asked = false;
  auto from = bio_over_text(pem);
  key_handle key{PEM_read_bio_PrivateKey(from.get(), nullptr, no_pass_phrase, &asked)};
  drain_openssl_errors();
  if (asked)
    return wrong(what,
                 "it is encrypted, and patio does not ask for pass phrases; 'openssl pkey' writes "
                 "an unencrypted key");
  if (!key) return wrong(what, "there is no readable private key in PEM form" + found_instead(pem));
  return key;
}

} // namespace patio::tls
