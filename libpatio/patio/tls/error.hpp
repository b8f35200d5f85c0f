/// OpenSSL's error queue, of which each thread has one: emptied after each operation, so that no
/// error is taken for another's. Internal: for tls_*.cpp only.
#pragma once

#include <string>

namespace patio::tls {

/// Empties the queue; its oldest error, which is the cause of the others, or 0.
unsigned long drain_openssl_errors() noexcept;

/// OpenSSL's words for it.
[[nodiscard]] std::string openssl_reason(unsigned long code);

/// What went wrong on a connection, and where it helps what would be right. Alerts are the peer's
/// word for it.
[[nodiscard]] std::string describe_tls_error(unsigned long code);

} // namespace patio::tls
