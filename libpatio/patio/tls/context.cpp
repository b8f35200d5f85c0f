#include <patio/tls/tls.hpp>

#include <openssl/err.h>

#include <algorithm>
#include <new>
#include <stdexcept>

#include <patio/tls/certificate.hpp>
#include <patio/tls/error.hpp>
#include <patio/tls/pem.hpp>
#include <patio/tls/settings.hpp>
#include <patio/tls/state.hpp>

namespace patio::tls {
namespace {

using state = engine::state;

tl::unexpected<error> wrong_host(std::string_view host, const std::string& why) {
  return fail(errc::invalid, "TLS cannot verify the host '" + std::string{host} + "': " + why);
}

result<void> check_host(std::string_view host) {
  if (host.empty()) return wrong_host(host, "it is empty");
  // For such a host, OpenSSL would accept a certificate for any subdomain.
  if (host.front() == '.') return wrong_host(host, "it begins with a dot");
  for (auto c : host) {
    if (static_cast<signed char>(c) < 0)
      return wrong_host(host, "write it in its DNS form, xn--...");
    if (c <= ' ' || c == '\x7f') return wrong_host("", "it contains blanks or control characters");
  }
  return {};
}

result<void> expect_name(SSL* ssl, const std::string& name, bool verify) {
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  bool set = (!verify || SSL_set1_host(ssl, name.c_str()) == 1)
             && SSL_set_tlsext_host_name(ssl, name.c_str()) == 1;
  if (!set) return wrong_host(name, "it is not a host name");
  return {};
}

/// Sends no Server Name Indication, which can only contain host names.
result<void> expect_address(SSL* ssl, const std::string& name, const ASN1_OCTET_STRING* address) {
  auto size = static_cast<std::size_t>(ASN1_STRING_length(address));
  if (X509_VERIFY_PARAM_set1_ip(SSL_get0_param(ssl), ASN1_STRING_get0_data(address), size) != 1)
    return wrong_host(name, "it is not an IP address");
  return {};
}

} // namespace

struct context::shared {
  ssl_ctx_handle context;
  std::string name;
  bool can_accept, demands_certificate, verifies_servers;
  std::string doubt;
};

result<context> context::make(const tls_options& options) {
  ERR_clear_error();
  auto made = make_ssl_context(options);
  drain_openssl_errors();
  if (!made) return tl::unexpected<error>{std::move(made).error()};
  SSL_CTX_set_client_hello_cb(made->get(), refuse_long_lists, nullptr);
  bool verifies = options.verify == tls_options::verification::full;
  auto* own = SSL_CTX_get0_certificate(made->get());
  auto doubt = own ? doubt_about_server(own) : std::string{};
  drain_openssl_errors();
  return context{std::make_shared<const shared>(
    shared{std::move(*made), options.name, !options.certificates.empty(),
           !options.authorities.empty(), verifies, std::move(doubt)})};
}

const std::string& context::doubt() const noexcept { return shared_->doubt; }

bool context::can_accept() const noexcept { return shared_->can_accept; }
bool context::demands_client_certificate() const noexcept {
  return shared_->can_accept && shared_->demands_certificate;
}

std::unique_ptr<engine> context::accept(std::size_t max_handshake_bytes) const {
  if (!can_accept()) throw std::logic_error{"tls::context::accept without a certificate"};
  auto trust = demands_client_certificate() ? state::peer::verified : state::peer::unverified;
  return std::make_unique<engine>(std::make_unique<state>(
    shared_->context.get(), state::role::accepts, trust, "", max_handshake_bytes));
}

result<std::unique_ptr<engine>> context::connect(std::string_view host) const {
  std::string name{shared_->name.empty() ? host : shared_->name};
  if (auto ok = check_host(name); !ok) return tl::unexpected<error>{ok.error()};
  if (name.ends_with('.')) name.pop_back(); // DNS allows a final dot, but certificates do not
  auto verifies = shared_->verifies_servers;
  auto trust = verifies ? state::peer::verified : state::peer::unverified;
  auto made = std::make_unique<state>(shared_->context.get(), state::role::connects, trust, name,
                                      max_dialled_handshake_bytes);
  ERR_clear_error();
  auto address = ip_address(name);
  auto ok = address ? expect_address(made->ssl.get(), name, address.get())
                    : expect_name(made->ssl.get(), name, verifies);
  auto dialled = std::make_unique<engine>(std::move(made));
  std::string nothing;
  if (ok) ok = dialled->receive({}, nothing); // puts the ClientHello into output()
  drain_openssl_errors();
  if (!ok) return tl::unexpected<error>{ok.error()};
  return dialled;
}

} // namespace patio::tls
