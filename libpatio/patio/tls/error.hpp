/// Each thread has an OpenSSL error queue. The functions of this folder empty the queue after each
/// operation, so that an old error is not reported for a later operation.
#pragma once

#include <string>

#include <patio/value/error.hpp>

namespace patio::tls {

/// Empties the queue. Returns the oldest error, which caused the later errors, or 0.
unsigned long drain_openssl_errors() noexcept;

/// Returns OpenSSL's text for the error.
[[nodiscard]] std::string openssl_reason(unsigned long code);

struct tls_error {
  std::string text;
  remedy mend;
};

/// Describes an error of a connection and, where that helps, the requirement of the peer. A TLS
/// alert contains the peer's own reason.
[[nodiscard]] tls_error describe_tls_error(unsigned long code);

} // namespace patio::tls
