/// Two TLS engines, joined in memory. After every call, OpenSSL's error queue must be empty.
#pragma once

#include <openssl/err.h>

#include <doctest/doctest.h>

#include <patio/protocol/limits.hpp>
#include <patio/tls/tls.hpp>

#include "tls/certificates.hpp"

namespace tls_testing {

using options = patio::tls_options;
using patio::errc;
namespace tls = patio::tls;

/// The certificates that most tests need, made once.
struct test_identities {
  identity authority = make_authority("the authority");
  identity stranger = make_authority("a stranger");
  identity server = authority.issue(
    {.common_name = "server", .hosts = {"a.example"}, .addresses = {"127.0.0.1", "::1"}});
  identity client = authority.issue({.common_name = "client", .hosts = {"client.example"}});
};
inline const test_identities& identities() {
  static const test_identities made;
  return made;
}

inline tls::context context(const options& o) {
  auto made = tls::context::make(o);
  CHECK(ERR_peek_error() == 0);
  REQUIRE_MESSAGE(made, made.error().message);
  return *made;
}

inline options options_of(const identity& node, const std::string& authorities = "") {
  return {.certificates = node.certificate(),
          .private_key = node.private_key(),
          .authorities = authorities};
}
inline options trusting(const std::string& authorities) { return {.authorities = authorities}; }

/// One engine and the results of its calls.
struct side {
  std::unique_ptr<tls::engine> engine;
  std::string plain = {};
  patio::result<void> verdict = {};

  /// Returns false once the engine has failed.
  bool take(std::string_view cipher) {
    verdict = engine->receive(cipher, plain);
    CHECK(ERR_peek_error() == 0);
    return verdict.has_value();
  }
  std::string bytes() { return std::exchange(engine->output(), {}); }
  void send(std::string_view text) {
    engine->send(text);
    CHECK(ERR_peek_error() == 0);
  }
  /// Returns the last error's message, or "".
  [[nodiscard]] std::string trouble() const { return verdict ? "" : verdict.error().message; }
};

inline side accept(const tls::context& c) {
  return {c.accept(patio::limits{}.tls_handshake_bytes)};
}
inline side connect(const tls::context& c, std::string_view host = "a.example") {
  auto made = c.connect(host);
  CHECK(ERR_peek_error() == 0);
  REQUIRE_MESSAGE(made, made.error().message);
  return {std::move(*made)};
}

/// A server and a client that both show certificates and trust each other's authority.
inline std::pair<tls::context, tls::context> both_sides() {
  auto authority = identities().authority.certificate();
  return {context(options_of(identities().server, authority)),
          context(options_of(identities().client, authority))};
}

/// Returns the first bytes of a client without a certificate.
inline std::string hello() {
  return connect(context(trusting(identities().authority.certificate()))).bytes();
}

/// Carries bytes both ways until none are left, in pieces of at most `cut`. A side that has failed
/// takes no more.
inline void run(side& a, side& b, std::size_t cut = std::string::npos) {
  auto carry = [cut](side& sender, side& receiver) {
    auto bytes = sender.bytes();
    for (std::string_view rest = bytes; !rest.empty() && receiver.verdict;
         rest.remove_prefix(std::min(cut, rest.size())))
      receiver.take(rest.substr(0, cut));
    return !bytes.empty();
  };
  for (bool carried = true; carried;) {
    carried = carry(a, b);
    carried = carry(b, a) || carried;
  }
}

struct pair {
  side server, client;
  pair(const tls::context& serves, const tls::context& dials, std::string_view host = "a.example")
      : server{accept(serves)}, client{connect(dials, host)} {
    run(client, server);
  }
  [[nodiscard]] bool open() const { return server.engine->is_open() && client.engine->is_open(); }
};

inline pair open_pair() {
  static const auto serves = context(options_of(identities().server)),
                    dials = context(trusting(identities().authority.certificate()));
  pair made{serves, dials};
  REQUIRE(made.open());
  return made;
}

} // namespace tls_testing
