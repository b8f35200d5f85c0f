/// PEM texts as OpenSSL's objects. Errors are errc::invalid and begin with `what`, the name of the
/// option as people know it.
#pragma once

#include <string_view>
#include <vector>

#include <patio/tls/handles.hpp>
#include <patio/value/error.hpp>

namespace patio::tls {

/// Reads at least one certificate. Skips other PEM blocks between certificates.
[[nodiscard]] result<std::vector<x509_handle>> read_certificates(std::string_view pem,
                                                                 std::string_view what);
/// Reads at least one list. Skips other PEM blocks between lists.
[[nodiscard]] result<std::vector<crl_handle>> read_revocation_lists(std::string_view pem,
                                                                    std::string_view what);

/// Reads an unencrypted key. Asks for no pass phrase: an encrypted key is an error.
[[nodiscard]] result<key_handle> read_private_key(std::string_view pem, std::string_view what);

} // namespace patio::tls
