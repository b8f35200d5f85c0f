/// Who a test's TLS peers are: one authority, a server of this machine, and clients by name.
#pragma once

#include <patio/tls/tls.hpp>

#include "tls/certificates.hpp"

namespace patio::tests {

[[nodiscard]] inline tls_options shows(const identity& who, tls_options options = {}) {
  options.certificates = who.certificate();
  options.private_key = who.private_key();
  return options;
}

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
  /// A server that asks no client for a certificate.
  [[nodiscard]] tls_options open_server() const { return shows(server_of_this_machine); }
  [[nodiscard]] tls_options mutual_server() const { return believes(authority, open_server()); }
  [[nodiscard]] tls_options anonymous() const { return believes(authority); }
  [[nodiscard]] tls_options named(const std::string& name) const {
    return shows(client(name), anonymous());
  }
};

} // namespace patio::tests
