/// Two TLS engines, or an engine and OpenSSL as it comes, joined in memory. Every call is followed
/// by a look at OpenSSL's error queue, which must be empty.
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

/// What most tests need, made once.
struct world {
  identity authority = make_authority("the authority");
  identity stranger = make_authority("a stranger");
  identity server = authority.issue(
    {.common_name = "server", .hosts = {"a.example"}, .addresses = {"127.0.0.1", "::1"}});
  identity client = authority.issue({.common_name = "client", .hosts = {"client.example"}});
};
inline const world& the() {
  static const world made;
  return made;
}

inline tls::context context(const options& o) {
  auto made = tls::context::make(o);
  CHECK(ERR_peek_error() == 0);
  REQUIRE_MESSAGE(made, made.error().message);
  return *made;
}

inline options options_of(const identity& who, const std::string& authorities = "") {
  return {.certificates = who.certificate(),
          .private_key = who.private_key(),
          .authorities = authorities};
}
inline options believing(const std::string& authorities) { return {.authorities = authorities}; }

/// One engine and what has become of it.
struct side {
  std::unique_ptr<tls::engine> engine;
  std::string plain = {};
  patio::result<void> verdict = {};

  /// False once it has failed.
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
  /// "" while all is well.
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

/// A server and a client that both show certificates and believe each other's authority.
inline std::pair<tls::context, tls::context> both_sides() {
  auto authority = the().authority.certificate();
  return {context(options_of(the().server, authority)),
          context(options_of(the().client, authority))};
}

/// What a client without a certificate says first.
inline std::string hello() {
  return connect(context(believing(the().authority.certificate()))).bytes();
}

/// Carries bytes both ways until none are left, in pieces of at most `cut`. A side that has failed
/// takes no more.
inline void run(side& a, side& b, std::size_t cut = std::string::npos) {
  auto carry = [cut](side& from, side& to) {
    auto bytes = from.bytes();
    for (std::string_view rest = bytes; !rest.empty() && to.verdict;
         rest.remove_prefix(std::min(cut, rest.size())))
      to.take(rest.substr(0, cut));
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
  static const auto serves = context(options_of(the().server)),
                    dials = context(believing(the().authority.certificate()));
  pair made{serves, dials};
  REQUIRE(made.open());
  return made;
}

} // namespace tls_testing
