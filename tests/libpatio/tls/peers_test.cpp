// Peers that speak TLS as they should not: old, weak, or again and again.
#include "tls/raw.hpp"

using namespace tls_testing;
using role = raw_peer::role;

namespace {

std::string serving(raw_peer& client, side& ours) {
  run(client, ours);
  CHECK(ours.engine->is_open() == ours.verdict.has_value());
  return ours.trouble();
}

/// What our server says of a client of these settings.
template <class Prepare>
std::string of_client(Prepare prepare) {
  auto ours = accept(context(options_of(the().server)));
  raw_peer client{role::client, prepare};
  return serving(client, ours);
}

/// What our client says of a server of these settings.
template <class Prepare>
std::string of_server(const identity& who, Prepare prepare) {
  auto ours = connect(context(believing(the().authority.certificate())));
  raw_peer server{role::server, [&](SSL_CTX* c) {
                    with_identity(who)(c);
                    prepare(c);
                  }};
  return serving(server, ours);
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

/// What our server, which demands certificates, says of a client with this one.
std::string of_holder(const identity& who, int version) {
  auto ours = accept(context(options_of(the().server, the().authority.certificate())));
  raw_peer client{role::client, [&](SSL_CTX* c) {
                    with_identity(who)(c);
                    only(version)(c);
                  }};
  return serving(client, ours);
}

/// What is refused of servers, is refused of clients in the same words.
void check_refused(const identity& who, const std::string& why) {
  for (auto version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CHECK(of_server(who, only(version)) == "certificate verify failed: " + why);
    CHECK(of_holder(who, version) == "certificate verify failed: " + why);
  }
}

/// Both open, with `prepare` on the raw side.
struct open_to_raw {
  explicit open_to_raw(role raw_side, int version)
      : raw{raw_side,
            [&](SSL_CTX* c) {
              only(version)(c);
              SSL_CTX_set_options(c, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
              if (raw_side == role::server) with_identity(the().server)(c);
            }},
        ours{raw_side == role::client
               ? accept(context(options_of(the().server)))
               : connect(context(believing(the().authority.certificate())))} {
    run(raw, ours);
    REQUIRE(ours.engine->is_open());
    REQUIRE(raw.open());
  }
  raw_peer raw;
  side ours;
};

} // namespace

TEST_CASE("tls peers: 1.2 and 1.3 are spoken, nothing older") {
  const std::string old_peer = "the peer does not speak TLS 1.2 or later";
  CHECK(of_client(only(TLS1_3_VERSION)) == "");
  CHECK(of_client(only(TLS1_2_VERSION)) == "");
  CHECK(of_client(only(TLS1_1_VERSION)) == old_peer);
  CHECK(of_client(only(TLS1_VERSION)) == old_peer);
  CHECK(of_server(the().server, only(TLS1_3_VERSION)) == "");
  CHECK(of_server(the().server, only(TLS1_2_VERSION)) == "");
  for (auto old : {TLS1_1_VERSION, TLS1_VERSION})
    CHECK(of_server(the().server, only(old))
          == "the peer refused with the TLS alert 'protocol version': it does not speak TLS 1.2 or "
             "later");
}

TEST_CASE("tls peers: ciphers without forward secrecy, authentication or encryption are refused") {
  const std::string weak =
    "the peer offers no cipher that is safe and fits this side's certificate";
  auto rsa = the().authority.issue(
    {.common_name = "rsa", .hosts = {"a.example"}, .key = certificate_content::key_kind::rsa2048});
  CHECK(of_client(with_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")) == "");
  for (auto list : {"eNULL", "aNULL", "AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256",
                    "ECDHE-ECDSA-AES128-SHA", "AES128-SHA"}) {
    INFO(std::string{list});
    CHECK(of_client(with_ciphers(list)) == weak);
    CHECK(of_server(rsa, with_ciphers(list))
            .starts_with("the peer refused with the TLS alert 'handshake failure'"));
  }
}

TEST_CASE("tls peers: weak certificates are refused, of servers and of clients") {
  check_refused(the().authority.issue(
                  {.common_name = "a.example", .key = certificate_content::key_kind::rsa1024}),
                "EE certificate key too weak: that of 'a.example'");
  check_refused(the().authority.issue({.common_name = "a.example", .sha1 = true}),
                "CA signature digest algorithm too weak: that of 'a.example'");
}

TEST_CASE("tls peers: a chain is as weak as its weakest authority, the believed one included") {
  auto through = [](const identity& authority, const identity& root) {
    auto leaf = authority.issue({.common_name = "leaf", .hosts = {"a.example"}});
    auto ours = connect(context(believing(root.certificate())));
    raw_peer server{role::server, [&](SSL_CTX* c) {
                      with_identity(leaf)(c);
                      REQUIRE(SSL_CTX_add1_chain_cert(c, x509_of(authority).get()) == 1);
                    }};
    return serving(server, ours);
  };
  const auto& root = the().authority;
  certificate_content of{.common_name = "between", .usage = ""};
  CHECK(through(root.issue_authority(of), root) == "");
  of.key = certificate_content::key_kind::rsa1024;
  CHECK(through(root.issue_authority(of), root)
        == "certificate verify failed: CA certificate key too weak: that of 'between'");
  auto small_root = identity::make(of, true, nullptr);
  CHECK(through(small_root, small_root)
        == "certificate verify failed: CA certificate key too weak: that of 'between'");
  of.key = certificate_content::key_kind::p256;
  of.sha1 = true;
  CHECK(through(root.issue_authority(of), root)
        == "certificate verify failed: CA signature digest algorithm too weak: that of 'between'");
}

TEST_CASE("tls peers: a client that renegotiates is cut off") {
  open_to_raw p{role::client, TLS1_2_VERSION};
  REQUIRE(p.ours.take(p.raw.send("hello")));
  REQUIRE(SSL_renegotiate(p.raw.ssl()) == 1);
  SSL_do_handshake(p.raw.ssl());
  CHECK_FALSE(p.ours.take(p.raw.bytes_to_send()));
  CHECK(p.ours.trouble() == "the peer wants to renegotiate, which is off");
  CHECK(p.ours.verdict.error().code == errc::protocol);
}

TEST_CASE("tls peers: a server that asks to renegotiate is cut off") {
  open_to_raw p{role::server, TLS1_2_VERSION};
  REQUIRE(SSL_renegotiate(p.raw.ssl()) == 1);
  SSL_do_handshake(p.raw.ssl());
  CHECK_FALSE(p.ours.take(p.raw.bytes_to_send()));
  CHECK(p.ours.trouble() == "the peer wants to renegotiate, which is off");
  CHECK_FALSE(p.ours.engine->is_open());
}

TEST_CASE("tls peers: the largest record is taken, and one that claims more than encryption can "
          "add is refused") {
  constexpr int most = 16'384,
                most_added = 320; // which OpenSSL allows, and is less than TLS 1.2 does
  auto header = [](int size) {
    return std::string{"\x17\x03\x03"} + static_cast<char>(size >> 8) + static_cast<char>(size);
  };
  for (auto version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    open_to_raw full{role::client, version}, claimed{role::client, version},
      beyond{role::client, version};
    auto record = full.raw.send(std::string(most, 'x'));
    REQUIRE(record.substr(0, 5) == header(static_cast<int>(record.size()) - 5)); // one for all
    CHECK(full.ours.take(record));
    CHECK(full.ours.plain.size() == most);
    CHECK(claimed.ours.take(header(most + most_added)));
    CHECK(claimed.ours.take(std::string(static_cast<std::size_t>(most + most_added - 1), 'x')));
    CHECK_FALSE(claimed.ours.take("x")); // it is no record of this peer's
    CHECK_FALSE(beyond.ours.take(header(most + most_added + 1)));
    CHECK(beyond.ours.trouble() == "TLS failed: encrypted length too long");
  }
}

TEST_CASE("tls peers: changing keys now and then is fine, again and again is not") {
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
      if (i % 100 == 0) p.ours.send("answer"), p.raw.take(p.ours.bytes());
    }
    int taken = 0;
    while (taken < 1000 && p.ours.take(change())) ++taken;
    CHECK(taken >= 200);
    CHECK(taken <= 300);
    CHECK(p.ours.trouble() == "the peer changes its TLS keys again and again without sending data");
  }
}

TEST_CASE("tls peers: a flood of changes of keys in one piece ends as early") {
  open_to_raw p{role::client, TLS1_3_VERSION};
  std::string flood;
  for (int i = 0; i < 5000; ++i) {
    REQUIRE(SSL_key_update(p.raw.ssl(), SSL_KEY_UPDATE_REQUESTED) == 1);
    SSL_do_handshake(p.raw.ssl());
    flood += p.raw.bytes_to_send();
  }
  CHECK_FALSE(p.ours.take(flood));
  CHECK(p.ours.engine->output().size() < 8000); // each may ask for one in return
}

TEST_CASE("tls peers: nothing is given that would resume a connection") {
  for (auto version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    auto serves = context(options_of(the().server)), renewed = context(options_of(the().server));
    SSL_SESSION* kept = nullptr;
    for (const auto& server : {serves, serves, renewed}) {
      auto ours = accept(server);
      raw_peer client{role::client, only(version)};
      if (kept) SSL_set_session(client.ssl(), kept);
      CHECK(serving(client, ours) == "");
      CHECK(SSL_session_reused(client.ssl()) == 0);
      REQUIRE(ours.engine->is_open());
      SSL_SESSION_free(std::exchange(kept, SSL_get1_session(client.ssl())));
      CHECK(SSL_SESSION_has_ticket(kept) == 0);
    }
    SSL_SESSION_free(kept);
  }
}

TEST_CASE("tls peers: a server's tickets are taken and forgotten") {
  open_to_raw p{role::server, TLS1_3_VERSION}; // OpenSSL sends two by itself
  REQUIRE(p.ours.take(p.raw.send("hello")));
  CHECK(p.ours.plain == "hello");
}

TEST_CASE("tls peers: tickets without end are cut off") {
  open_to_raw p{role::server, TLS1_3_VERSION};
  int taken = 0;
  do {
    REQUIRE(SSL_new_session_ticket(p.raw.ssl()) == 1);
    SSL_do_handshake(p.raw.ssl());
  } while (p.ours.take(p.raw.bytes_to_send()) && ++taken < 1000);
  CHECK(taken < 300);
}

TEST_CASE("tls peers: a client that offers compression or early data gets none") {
  open_to_raw p{role::client, TLS1_3_VERSION};
  CHECK(SSL_get_current_compression(p.raw.ssl()) == nullptr);
  CHECK(SSL_SESSION_get_max_early_data(SSL_get0_session(p.raw.ssl())) == 0);
}
