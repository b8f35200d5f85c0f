/// The TLS identities of a test: one authority, a server on this machine, and named clients.
#pragma once

#include <patio/tls/tls.hpp>

#include "tls/certificates.hpp"

namespace patio::tests {

/// Options with this certificate and its key.
[[nodiscard]] inline tls_options shows(const identity& who, tls_options options = {}) {
  options.certificates = who.certificate();
  options.private_key = who.private_key();
  return options;
}

/// Options that trust this authority.
[[nodiscard]] inline tls_options believes(const identity& authority, tls_options options = {}) {
  options.authorities = authority.certificate();
  return options;
}

struct credentials {
  identity authority = make_authority("Test authority");
  identity server_of_this_machine = server("server.example");

  [[nodiscard]] identity server(const std::string& name) const {
    return authority.issue(
      {.common_name = name, .hosts = {"localhost", name}, .addresses = {"127.0.0.1", "::1"}});
  }
  [[nodiscard]] identity client(const std::string& name) const {
    return authority.issue({.common_name = name});
  }
  /// Options of a server that does not ask its clients for certificates.
  [[nodiscard]] tls_options open_server() const { return shows(server_of_this_machine); }
  /// Options of a server that demands certificates of this authority.
  [[nodiscard]] tls_options mutual_server() const { return believes(authority, open_server()); }
  [[nodiscard]] tls_options anonymous() const { return believes(authority); }
  [[nodiscard]] tls_options named(const std::string& name) const {
    return shows(client(name), anonymous());
  }
};

} // namespace patio::tests
