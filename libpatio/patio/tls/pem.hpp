/// Parses PEM texts into OpenSSL objects. An error is errc::invalid; its message begins with
/// `what`, which tells users the wrong option.
#pragma once

#include <string_view>
#include <vector>

#include <patio/tls/handles.hpp>
#include <patio/value/error.hpp>

namespace patio::tls {

/// Reads all certificates of the text, of which there must be at least one. Accepts the form of
/// `openssl x509 -trustout` as well. Skips other PEM blocks.
[[nodiscard]] result<std::vector<x509_handle>> read_certificates(std::string_view pem,
                                                                 std::string_view what);
/// Reads all certificate revocation lists of the text, of which there must be at least one. Skips
/// other PEM blocks.
[[nodiscard]] result<std::vector<crl_handle>> read_revocation_lists(std::string_view pem,
                                                                    std::string_view what);

/// Reads an unencrypted key. Fails for an encrypted key, without asking for a pass phrase.
[[nodiscard]] result<key_handle> read_private_key(std::string_view pem, std::string_view what);

} // namespace patio::tls
