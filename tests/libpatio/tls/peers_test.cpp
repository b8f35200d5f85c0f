// Peers whose TLS is refused: old versions, weak ciphers and certificates, or endless messages.
#include "tls/raw.hpp"

using namespace tls_testing;
using role = raw_peer::role;

namespace {

std::string trouble_with(raw_peer& client, side& ours) {
  run(client, ours);
  CHECK(ours.engine->is_open() == ours.verdict.has_value());
  return ours.trouble();
}

/// Returns our server's error about a client with these settings, or "".
template <class Prepare>
std::string error_about_client(Prepare prepare) {
  auto ours = accept(context(options_of(identities().server)));
  raw_peer client{role::client, prepare};
  return trouble_with(client, ours);
}

/// Returns our client's error about a server with these settings, or "".
template <class Prepare>
std::string error_about_server(const identity& node, Prepare prepare) {
  auto ours = connect(context(trusting(identities().authority.certificate())));
  raw_peer server{role::server, [&](SSL_CTX* c) {
                    with_identity(node)(c);
                    prepare(c);
                  }};
  return trouble_with(server, ours);
}

auto only(int version) {
  return [version](SSL_CTX* c) {
    SSL_CTX_set_min_proto_version(c, version);
    SSL_CTX_set_max_proto_version(c, version);
  };
}

auto with_ciphers(const char* list) {
  return [list](SSL_CTX* c) {
    only(TLS1_2_VERSION)(c);
    REQUIRE(SSL_CTX_set_cipher_list(c, list) == 1);
  };
}

/// Returns our server's error about a client with this certificate, or "". The server demands
/// certificates.
std::string error_about_holder(const identity& node, int version) {
  auto ours =
    accept(context(options_of(identities().server, identities().authority.certificate())));
  raw_peer client{role::client, [&](SSL_CTX* c) {
                    with_identity(node)(c);
                    only(version)(c);
                  }};
  return trouble_with(client, ours);
}

/// Checks that the certificate is refused with the same text for servers and for clients.
void check_refused(const identity& node, const std::string& why) {
  for (auto version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CHECK(error_about_server(node, only(version)) == "certificate verify failed: " + why);
    CHECK(error_about_holder(node, version) == "certificate verify failed: " + why);
  }
}

/// An open connection between an engine and a raw peer of one version.
struct open_to_raw {
  explicit open_to_raw(role raw_side, int version)
      : raw{raw_side,
            [&](SSL_CTX* c) {
              only(version)(c);
              SSL_CTX_set_options(c, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
              if (raw_side == role::server) with_identity(identities().server)(c);
            }},
        ours{raw_side == role::client
               ? accept(context(options_of(identities().server)))
               : connect(context(trusting(identities().authority.certificate())))} {
    run(raw, ours);
    REQUIRE(ours.engine->is_open());
    REQUIRE(raw.open());
  }
  raw_peer raw;
  side ours;
};

} // namespace

TEST_CASE("tls peers: versions 1.2 and 1.3 are accepted, older ones are refused") {
  const std::string old_peer = "the peer does not speak TLS 1.2 or later";
  CHECK(error_about_client(only(TLS1_3_VERSION)) == "");
  CHECK(error_about_client(only(TLS1_2_VERSION)) == "");
  CHECK(error_about_client(only(TLS1_1_VERSION)) == old_peer);
  CHECK(error_about_client(only(TLS1_VERSION)) == old_peer);
  CHECK(error_about_server(identities().server, only(TLS1_3_VERSION)) == "");
  CHECK(error_about_server(identities().server, only(TLS1_2_VERSION)) == "");
  for (auto old : {TLS1_1_VERSION, TLS1_VERSION})
    CHECK(error_about_server(identities().server, only(old))
          == "the peer refused with the TLS alert 'protocol version': it does not speak TLS 1.2 or "
             "later");
}

TEST_CASE("tls peers: ciphers without forward secrecy, authentication or encryption are refused") {
  const std::string weak =
    "the peer offers no cipher that is safe and fits this side's certificate";
  auto rsa = identities().authority.issue(
    {.common_name = "rsa", .hosts = {"a.example"}, .key = certificate_content::key_kind::rsa2048});
  CHECK(error_about_client(with_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")) == "");
  for (auto list : {"eNULL", "aNULL", "AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256",
                    "ECDHE-ECDSA-AES128-SHA", "AES128-SHA"}) {
    INFO(std::string{list});
    CHECK(error_about_client(with_ciphers(list)) == weak);
    CHECK(error_about_server(rsa, with_ciphers(list))
            .starts_with("the peer refused with the TLS alert 'handshake failure'"));
  }
}

TEST_CASE("tls peers: weak certificates are refused for servers and for clients") {
  check_refused(identities().authority.issue(
                  {.common_name = "a.example", .key = certificate_content::key_kind::rsa1024}),
                "EE certificate key too weak: the certificate of 'a.example'");
  check_refused(identities().authority.issue({.common_name = "a.example", .sha1 = true}),
                "CA signature digest algorithm too weak: the certificate of 'a.example'");
}

TEST_CASE("tls peers: a chain is as weak as its weakest authority, the trusted one included") {
  auto through = [](const identity& authority, const identity& root) {
    auto leaf = authority.issue({.common_name = "leaf", .hosts = {"a.example"}});
    auto ours = connect(context(trusting(root.certificate())));
    raw_peer server{role::server, [&](SSL_CTX* c) {
                      with_identity(leaf)(c);
                      REQUIRE(SSL_CTX_add1_chain_cert(c, x509_of(authority).get()) == 1);
                    }};
    return trouble_with(server, ours);
  };
  const auto& root = identities().authority;
  certificate_content content{.common_name = "between", .usage = ""};
  CHECK(through(root.issue_authority(content), root) == "");
  content.key = certificate_content::key_kind::rsa1024;
  CHECK(through(root.issue_authority(content), root)
        == "certificate verify failed: CA certificate key too weak: the certificate of 'between'");
  auto small_root = identity::make(content, true, nullptr);
  CHECK(through(small_root, small_root)
        == "certificate verify failed: CA certificate key too weak: the certificate of 'between'");
  content.key = certificate_content::key_kind::p256;
  content.sha1 = true;
  CHECK(through(root.issue_authority(content), root)
        == "certificate verify failed: CA signature digest algorithm too weak: the certificate of "
           "'between'");
}

TEST_CASE("tls peers: a client that renegotiates is cut off") {
  open_to_raw p{role::client, TLS1_2_VERSION};
  REQUIRE(p.ours.take(p.raw.send("hello")));
  REQUIRE(SSL_renegotiate(p.raw.ssl()) == 1);
  SSL_do_handshake(p.raw.ssl());
  CHECK_FALSE(p.ours.take(p.raw.bytes_to_send()));
  CHECK(p.ours.trouble() == "the peer asks to renegotiate, and renegotiation is off");
  CHECK(p.ours.verdict.error().code == errc::protocol);
}

TEST_CASE("tls peers: a server that asks to renegotiate is cut off") {
  open_to_raw p{role::server, TLS1_2_VERSION};
  REQUIRE(SSL_renegotiate(p.raw.ssl()) == 1);
  SSL_do_handshake(p.raw.ssl());
  CHECK_FALSE(p.ours.take(p.raw.bytes_to_send()));
  CHECK(p.ours.trouble() == "the peer asks to renegotiate, and renegotiation is off");
  CHECK_FALSE(p.ours.engine->is_open());
}

TEST_CASE("tls peers: the largest record is accepted, and one that claims more than encryption can "
          "add is refused") {
  constexpr int max = 16'384;
  constexpr int max_added = 320; // OpenSSL's limit, which is below that of TLS 1.2
  auto header = [](int size) {
    return std::string{"\x17\x03\x03"} + static_cast<char>(size >> 8) + static_cast<char>(size);
  };
  for (auto version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    open_to_raw full{role::client, version}, claimed{role::client, version},
      beyond{role::client, version};
    auto record = full.raw.send(std::string(max, 'x'));
    REQUIRE(record.substr(0, 5) == header(static_cast<int>(record.size()) - 5)); // a single record
    CHECK(full.ours.take(record));
    CHECK(full.ours.plain.size() == max);
    CHECK(claimed.ours.take(header(max + max_added)));
    CHECK(claimed.ours.take(std::string(static_cast<std::size_t>(max + max_added - 1), 'x')));
    CHECK_FALSE(claimed.ours.take("x")); // the record is whole, and its content is wrong
    CHECK_FALSE(beyond.ours.take(header(max + max_added + 1)));
    CHECK(beyond.ours.trouble() == "TLS failed: encrypted length too long");
  }
}

TEST_CASE("tls peers: a peer may change keys occasionally, and is cut off for changing them "
          "without pause") {
  for (auto kind : {SSL_KEY_UPDATE_REQUESTED, SSL_KEY_UPDATE_NOT_REQUESTED}) {
    open_to_raw p{role::client, TLS1_3_VERSION};
    auto change = [&] {
      REQUIRE(SSL_key_update(p.raw.ssl(), kind) == 1);
      SSL_do_handshake(p.raw.ssl());
      return p.raw.bytes_to_send();
    };
    for (int i = 0; i < 1000; ++i) { // with data between them
      REQUIRE(p.ours.take(change()));
      REQUIRE(p.ours.take(p.raw.send(std::string(2000, 'x'))));
      if (i % 100 != 0) continue;
      p.ours.send("answer");
      p.raw.take(p.ours.bytes());
    }
    int taken = 0;
    while (taken < 1000 && p.ours.take(change())) ++taken;
    CHECK(taken >= 200);
    CHECK(taken <= 300);
    CHECK(p.ours.trouble() == "the peer changes its TLS keys again and again without sending data");
  }
}

TEST_CASE("tls peers: a flood of key changes that arrives in one piece is cut off, and only the "
          "first changes are answered") {
  open_to_raw p{role::client, TLS1_3_VERSION};
  std::string flood;
  for (int i = 0; i < 5000; ++i) {
    REQUIRE(SSL_key_update(p.raw.ssl(), SSL_KEY_UPDATE_REQUESTED) == 1);
    SSL_do_handshake(p.raw.ssl());
    flood += p.raw.bytes_to_send();
  }
  CHECK_FALSE(p.ours.take(flood));
  CHECK(p.ours.engine->output().size()
        < 8000); // each key change may ask for a key change in return
}

TEST_CASE("tls peers: a server gives no ticket and no session to resume") {
  for (auto version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    auto serves = context(options_of(identities().server)),
         renewed = context(options_of(identities().server));
    SSL_SESSION* kept = nullptr;
    for (const auto& server : {serves, serves, renewed}) {
      auto ours = accept(server);
      raw_peer client{role::client, only(version)};
      if (kept) SSL_set_session(client.ssl(), kept);
      CHECK(trouble_with(client, ours) == "");
      CHECK(SSL_session_reused(client.ssl()) == 0);
      REQUIRE(ours.engine->is_open());
      SSL_SESSION_free(std::exchange(kept, SSL_get1_session(client.ssl())));
      CHECK(SSL_SESSION_has_ticket(kept) == 0);
    }
    SSL_SESSION_free(kept);
  }
}

TEST_CASE("tls peers: a client accepts a server's tickets and drops them") {
  open_to_raw p{role::server, TLS1_3_VERSION}; // OpenSSL sends two by itself
  REQUIRE(p.ours.take(p.raw.send("hello")));
  CHECK(p.ours.plain == "hello");
}

TEST_CASE("tls peers: a server that sends endless tickets is cut off") {
  open_to_raw p{role::server, TLS1_3_VERSION};
  int taken = 0;
  do {
    REQUIRE(SSL_new_session_ticket(p.raw.ssl()) == 1);
    SSL_do_handshake(p.raw.ssl());
  } while (p.ours.take(p.raw.bytes_to_send()) && ++taken < 1000);
  CHECK(taken < 300);
}

TEST_CASE("tls peers: a server uses no compression and offers no early data") {
  open_to_raw p{role::client, TLS1_3_VERSION};
  CHECK(SSL_get_current_compression(p.raw.ssl()) == nullptr);
  CHECK(SSL_SESSION_get_max_early_data(SSL_get0_session(p.raw.ssl())) == 0);
}
