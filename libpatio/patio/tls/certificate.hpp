/// What certificates say, as text for programs and for people. Internal: for tls_*.cpp only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <patio/tls/handles.hpp>

namespace patio::tls {

/// DNS names, and common names that are not among them. Names with control characters or NUL are
/// left out: nothing may match them.
[[nodiscard]] std::vector<std::string> names_of(X509* certificate);

/// Why a certificate is refused, for the verify callback of a connection that wants `expected`
/// (empty if it dials nobody).
[[nodiscard]] std::string why_refused(X509_STORE_CTX* checked, std::string_view expected);

/// One IP address as the 4 or 16 bytes that certificates have, else null. An IPv6 zone is left out,
/// as certificates have none.
[[nodiscard]] octets_handle ip_address(std::string_view host);

} // namespace patio::tls
