// Whoever is refused is told by a TLS alert, and both sides say the reason in words.
#include <openssl/err.h>

#include <array>

#include <patio/tls/error.hpp>
#include <patio/tls/tls.hpp>

#include "tls/fixture.hpp"
#include "tls/raw.hpp"

using namespace tls_testing;
using patio::limit;
using patio::remedy;

namespace {

/// Returns the node's certificate followed by so many others.
std::string chain_of(const identity& node, int more) {
  auto pem = node.certificate();
  for (; more > 0; --more) pem += identities().authority.certificate();
  return pem;
}

/// The bytes of the certificates that this chain shows.
std::size_t shown_by(const identity& node, int more) {
  auto size = [](const identity& one) {
    return static_cast<std::size_t>(i2d_X509(x509_of(one).get(), nullptr));
  };
  return size(node) + static_cast<std::size_t>(more) * size(identities().authority);
}

/// Two limits: less than the chain of the client with seven others, and less than all of its
/// handshake.
std::array<std::size_t, 2> low_limits() {
  auto shown = shown_by(identities().client, 7);
  return {shown - 1, shown + 100};
}

tls::context with_chain(const identity& node, int more) {
  auto o = options_of(node, identities().authority.certificate());
  o.certificates = chain_of(node, more);
  return context(o);
}

bool says(const side& one, std::string_view words) {
  auto text = one.trouble();
  CAPTURE(text);
  return text.find(words) != std::string::npos;
}

/// Returns the alert that a raw peer got, or 0.
int alert_of(raw_peer& raw, std::string_view bytes) {
  ERR_clear_error();
  BIO_write(SSL_get_rbio(raw.ssl()), bytes.data(), static_cast<int>(bytes.size()));
  char plain[16];
  (void)SSL_read(raw.ssl(), plain, sizeof plain);
  auto reason = ERR_GET_REASON(ERR_peek_last_error());
  ERR_clear_error();
  return reason > SSL_AD_REASON_OFFSET ? reason - SSL_AD_REASON_OFFSET : 0;
}

/// Shakes hands until our side fails. Returns the alert that the raw peer got.
int alert_after_refusal(raw_peer& raw, side& ours) {
  auto to_ours = raw.take(ours.bytes());
  while (!to_ours.empty() && ours.take(to_ours)) to_ours = raw.take(ours.bytes());
  REQUIRE_FALSE(ours.verdict);
  return alert_of(raw, ours.bytes());
}

auto only(int version) {
  return [version](SSL_CTX* c) { SSL_CTX_set_max_proto_version(c, version); };
}

} // namespace

TEST_CASE("tls alerts: a client whose chain is over the limit is told so, and the limit is named") {
  auto dials = with_chain(identities().client, 7);
  for (auto max : low_limits()) {
    CAPTURE(max);
    side server{both_sides().first.accept(max)}, client = connect(dials);
    run(client, server);
    CHECK(server.verdict.error().exceeded == limit::tls_handshake_bytes);
    CHECK(server.verdict.error().remedy == remedy::certificates);
    CHECK(says(server, std::to_string(max) + " bytes"));
    CHECK(says(server, "certificates"));
    CHECK(says(client, "the peer refused with the TLS alert"));
    CHECK(says(client, "certificates"));
    CHECK(client.verdict.error().remedy == remedy::certificates);
  }
}

TEST_CASE("tls alerts: every refusal of a handshake reaches the peer, in each version of TLS") {
  for (auto version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    auto client = [&](auto prepare) {
      return raw_peer{raw_peer::role::client, [&](SSL_CTX* c) {
                        only(version)(c);
                        prepare(c);
                      }};
    };
    for (auto max : low_limits()) {
      auto long_chain = client([&](SSL_CTX* c) {
        with_identity(identities().client)(c);
        for (int i = 0; i < 7; ++i)
          SSL_CTX_add1_chain_cert(c, x509_of(identities().authority).get());
      });
      side server{both_sides().first.accept(max)};
      CHECK(alert_after_refusal(long_chain, server) != 0);
      CHECK(server.verdict.error().exceeded == limit::tls_handshake_bytes);
    }
    auto bare = client([](SSL_CTX*) {}), stranger = client(with_identity(identities().stranger));
    for (auto* raw : {&bare, &stranger}) {
      auto server = accept(both_sides().first);
      CHECK(alert_after_refusal(*raw, server) != 0);
    }
  }
  raw_peer talkative{raw_peer::role::client, [](SSL_CTX* c) {
                       std::vector<unsigned char> protocols;
                       for (int i = 0; i < 20; ++i) {
                         protocols.push_back(255);
                         protocols.insert(protocols.end(), 255, 'x');
                       }
                       SSL_CTX_set_alpn_protos(c, protocols.data(),
                                               static_cast<unsigned>(protocols.size()));
                     }};
  auto server = accept(both_sides().first);
  CHECK(alert_after_refusal(talkative, server) == SSL_AD_RECORD_OVERFLOW);
  CHECK(says(server, "and at most 3072 are accepted"));
}

TEST_CASE("tls alerts: a server whose chain is over the client's bound is told so") {
  for (auto version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    raw_peer raw{raw_peer::role::server, [&](SSL_CTX* c) {
                   with_identity(identities().server)(c);
                   only(version)(c);
                   for (int i = 0; i < 100; ++i)
                     SSL_CTX_add1_chain_cert(c, x509_of(identities().authority).get());
                 }};
    auto client = connect(context(trusting(identities().authority.certificate())));
    CHECK(alert_after_refusal(raw, client) != 0);
    CHECK(says(client, "24576"));
    CHECK(client.verdict.error().exceeded == limit::none);
  }
}

TEST_CASE("tls alerts: a peer that changes its keys again and again is told by an alert") {
  auto serves = context(options_of(identities().server));
  raw_peer raw{raw_peer::role::client, only(TLS1_3_VERSION)};
  auto server = accept(serves);
  run(raw, server);
  REQUIRE(server.engine->is_open());
  while (server.verdict) {
    REQUIRE(SSL_key_update(raw.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
    SSL_do_handshake(raw.ssl());
    server.take(raw.bytes_to_send());
  }
  CHECK(alert_of(raw, server.bytes()) == SSL_AD_RECORD_OVERFLOW);
}

TEST_CASE("tls alerts: bytes that are not TLS get no alert") {
  auto server = accept(both_sides().first);
  CHECK_FALSE(server.take("GET / HTTP/1.1\r\n"));
  CHECK(server.bytes().empty());
  CHECK(says(server, "the peer does not speak TLS"));
  CHECK(server.verdict.error().remedy == remedy::tls);
}

TEST_CASE("tls: a client's chain of 16 KiB is accepted by default") {
  std::vector<std::string> hosts;
  for (int i = 0; i < 400; ++i)
    hosts.push_back("host-" + std::to_string(1000 + i) + ".department.company.example");
  auto large = identities().authority.issue({.common_name = "large", .hosts = hosts});
  auto o = options_of(large, identities().authority.certificate());
  o.certificates = chain_of(large, 5);
  REQUIRE(shown_by(large, 5) > std::size_t{16} << 10);
  pair p{both_sides().first, context(o)};
  CHECK_MESSAGE(p.open(), p.server.trouble());
  pair reversed{context(o), both_sides().second, hosts.front()}; // and a server's
  CHECK_MESSAGE(reversed.open(), reversed.client.trouble());
}

TEST_CASE("tls: a TRUSTED CERTIFICATE is read as Python's ssl reads it") {
  auto trusted = [](const identity& node, auto prepare) {
    auto certificate = x509_of(node);
    prepare(certificate.get());
    std::unique_ptr<BIO, decltype(&BIO_free)> out{BIO_new(BIO_s_mem()), BIO_free};
    REQUIRE(PEM_write_bio_X509_AUX(out.get(), certificate.get()) == 1);
    char* text = nullptr;
    auto size = BIO_get_mem_data(out.get(), &text);
    std::string pem{text, static_cast<std::size_t>(size)};
    REQUIRE(pem.starts_with("-----BEGIN TRUSTED CERTIFICATE-----"));
    return pem;
  };
  auto nothing = [](X509*) {};
  auto authority = trusted(identities().authority, nothing);
  auto serves = options_of(identities().server, authority);
  serves.certificates = trusted(identities().server, nothing);
  pair p{context(serves), context(options_of(identities().client, authority))};
  CHECK_MESSAGE(p.open(), (p.client.trouble() + p.server.trouble()));
  auto rejected = trusted(identities().authority, [](X509* c) {
    X509_add1_reject_object(c, OBJ_nid2obj(NID_server_auth));
  });
  pair q{context(serves), context(options_of(identities().client, rejected))};
  CHECK_FALSE(q.open());
  CHECK(says(q.client, "certificate verify failed: certificate rejected"));
}

TEST_CASE("tls: a server's certificate that clients will refuse is known at the start") {
  auto doubt = [](const certificate_content& content) {
    return context(options_of(identities().authority.issue(content))).doubt();
  };
  CHECK(doubt({.common_name = "fine", .hosts = {"a.example"}}) == "");
  CHECK(doubt({.common_name = "a.example"}) == "");
  CHECK(doubt({.common_name = "", .addresses = {"127.0.0.1"}}) == "");
  CHECK(doubt({.common_name = "late", .valid_from = -3, .valid_until = -1})
          .starts_with("the certificate of 'late' expired on "));
  CHECK(doubt({.common_name = "early", .valid_from = 1, .valid_until = 3})
          .starts_with("the certificate of 'early' is valid from "));
  CHECK(doubt({.common_name = "c", .usage = "clientAuth"})
        == "the certificate of 'c' is not for servers");
  CHECK(doubt({.common_name = ""}) == "the certificate names neither a host nor an address");
  CHECK(context(trusting(identities().authority.certificate())).doubt() == "");
}

TEST_CASE("tls errors: every error of OpenSSL's is told in words, not by a routine's name") {
  for (int library : {ERR_LIB_SSL, ERR_LIB_X509, ERR_LIB_X509V3, ERR_LIB_ASN1, ERR_LIB_PEM,
                      ERR_LIB_EVP, ERR_LIB_RSA, ERR_LIB_EC, ERR_LIB_SYS})
    for (int reason = 1; reason < 1200; ++reason) {
      auto described = tls::describe_tls_error(
        ERR_PACK(static_cast<unsigned>(library), 0, static_cast<unsigned>(reason)));
      const auto& text = described.text;
      CAPTURE(text);
      CHECK(described.mend != remedy::none);
      CHECK_FALSE(text.empty());
      CHECK_FALSE(text.ends_with(" lib"));
      for (const auto* internal : {"_", "()", "tlsext", "routine"})
        CHECK(text.find(internal) == std::string::npos);
    }
}
