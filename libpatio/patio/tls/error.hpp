/// OpenSSL's error queue, which each thread has one of. The functions of this folder empty it after
/// each operation, so that an old error is not reported for a later operation.
#pragma once

#include <string>

namespace patio::tls {

/// Empties the queue. Returns its oldest error, which caused the later ones, or 0.
unsigned long drain_openssl_errors() noexcept;

/// Returns OpenSSL's text for the error.
[[nodiscard]] std::string openssl_reason(unsigned long code);

/// Says what went wrong on a connection and, where that helps, what the peer expects. A TLS alert
/// is the peer's own reason.
[[nodiscard]] std::string describe_tls_error(unsigned long code);

} // namespace patio::tls
