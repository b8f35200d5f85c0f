/// PEM texts as OpenSSL's objects. Errors are errc::invalid and begin with `what`, as options are
/// called to people. Internal: for tls_*.cpp only.
#pragma once

#include <string_view>
#include <vector>

#include <patio/tls/handles.hpp>
#include <patio/value/error.hpp>

namespace patio::tls {

/// At least one; other blocks between them are skipped.
[[nodiscard]] result<std::vector<x509_handle>> read_certificates(std::string_view pem,
                                                                 std::string_view what);
[[nodiscard]] result<std::vector<crl_handle>> read_revocation_lists(std::string_view pem,
                                                                    std::string_view what);

/// No pass phrase is asked for: an encrypted key is an error.
[[nodiscard]] result<key_handle> read_private_key(std::string_view pem, std::string_view what);

} // namespace patio::tls
