/// The content of certificates as text, for programs and for people.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <patio/tls/handles.hpp>

namespace patio::tls {

/// Returns the DNS names of the certificate, then its common names that are not among them. Leaves
/// out names with control characters or NUL, because nothing may match such a name.
[[nodiscard]] std::vector<std::string> names_of(X509* certificate);

/// Says why `checked` refuses a certificate. For the verify callback of a connection whose peer
/// must be `expected`; empty on the accepting side.
[[nodiscard]] std::string why_refused(X509_STORE_CTX* checked, std::string_view expected);

/// Returns an IP address as the 4 or 16 bytes that certificates hold, or null if `host` is not an
/// IP address. Drops an IPv6 zone, because certificates hold none.
[[nodiscard]] octets_handle ip_address(std::string_view host);

} // namespace patio::tls
