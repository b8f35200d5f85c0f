/// Gives the names in certificates, and the reasons why certificates are refused, as text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <patio/tls/handles.hpp>

namespace patio::tls {

/// Returns the DNS names of the certificate, then the common names that are not among the DNS
/// names. Omits a name with control characters or NUL, because such a name must not match anything.
[[nodiscard]] std::vector<std::string> names_of(X509* certificate);

/// Returns the reason why clients will refuse this certificate of a server, or "": it has expired,
/// is not valid yet, names no host, or is not for servers.
[[nodiscard]] std::string doubt_about_server(X509* certificate);

/// Returns the reason why `checked` refuses a certificate, for the verify callback. The peer must
/// be `expected`, which is empty on the accepting side.
[[nodiscard]] std::string why_refused(X509_STORE_CTX* checked, std::string_view expected);

/// Returns an IP address as the 4 or 16 bytes that certificates contain, or null if `host` is not
/// an IP address. Drops an IPv6 zone, because certificates contain no zones.
[[nodiscard]] octets_handle ip_address(std::string_view host);

} // namespace patio::tls
