// Wrong certificates, wrong options, peers without TLS, and silent peers are refused.
#include <doctest/doctest.h>

#include "tls_nodes.hpp"

using namespace patio;
using namespace patio::protocol;
using namespace patio::tests;
using namespace std::chrono_literals;

namespace {

/// A client and a server whose handshake must fail, and the errors that they report.
struct disagreement {
  explicit disagreement(tls_options servers, tls_options clients,
                        const std::string& host = "127.0.0.1") {
    log_capture log;
    tcp_node server{functions(), options_with(std::move(servers))},
      client{functions(), options_with(std::move(clients))};
    auto where = server.listen();
    at_client = refusal(client, {host, where.port});
    at_server = log.await("event=closed");
    CHECK(server.peers().empty());
    CHECK(client.peers().empty());
  }
  void check(const std::string& client_says, const std::string& server_says) const {
    CHECK(at_client.code == errc::login_refused);
    INFO("client: " << at_client.message << "\nserver: " << at_server);
    CHECK(at_client.message.find(client_says) != std::string::npos);
    CHECK(at_server.find(server_says) != std::string::npos);
  }
  error at_client;
  std::string at_server;
};

} // namespace

TEST_CASE(
  "tcp_broker over TLS: invalid certificates are refused, and both ends report the reason") {
  auto other = make_authority("Another authority");
  SUBCASE("from an authority that the client does not know") {
    disagreement{certs().open_server(), believes(other)}.check(
      "'Test authority' is not a trusted authority", "it does not trust the authority");
  }
  SUBCASE("for another host") {
    auto elsewhere = shows(certs().authority.issue(
      {.common_name = "elsewhere.example", .hosts = {"elsewhere.example"}}));
    disagreement{elsewhere, certs().anonymous()}.check(
      "the certificate has no IP address, only the DNS name elsewhere.example: it is not for the "
      "address 127.0.0.1",
      "the peer refused with the TLS alert");
  }
  SUBCASE("expired") {
    auto late = shows(certs().authority.issue(
      {.common_name = "late", .addresses = {"127.0.0.1"}, .valid_from = -3, .valid_until = -1}));
    disagreement{late, certs().anonymous()}.check("expired", "certificate expired");
  }
  SUBCASE("no client certificate although the server demands one") {
    disagreement{certs().mutual_server(), certs().anonymous()}.check(
      "it demands a client certificate",
      "the peer has sent no certificate, and this side demands one");
  }
  SUBCASE("a client certificate from an authority that the server does not know") {
    auto stranger = believes(certs().authority, shows(other.issue({.common_name = "alice"})));
    disagreement{certs().mutual_server(), stranger}.check(
      "it does not trust the authority", "'Another authority' is not a trusted authority");
  }
}

TEST_CASE("tcp_broker: a node without TLS cannot add TLS, and a TLS node without a certificate "
          "cannot listen") {
  tcp_node clear;
  auto no = replace_tls(clear.broker(), certs().open_server());
  REQUIRE_FALSE(no);
  CHECK(no.error().message == "the node was spawned without TLS");
  tcp_node nobody{registry{}, options_with(certs().anonymous())};
  auto listening = listen(nobody.broker(), "127.0.0.1:0");
  REQUIRE_FALSE(listening);
  CHECK(listening.error().code == errc::invalid);
  CHECK(listening.error().message
        == "a node that listens with TLS needs a certificate and its private key");
}

TEST_CASE("tcp_broker: wrong TLS options are refused when the node is made") {
  system_config config;
  caf::actor_system system{config};
  auto options = certs().open_server();
  options.private_key = certs().client("alice").private_key();
  CHECK_THROWS_AS((void)spawn_tcp_broker(system, null_executor(), options_with(options)),
                  std::invalid_argument);
}

TEST_CASE("tcp_broker: only client certificates or a key let a node listen beyond this machine") {
  auto beyond = [](tls_options tls) {
    tcp_node node{registry{}, options_with(std::move(tls))};
    return listen(node.broker(), "0.0.0.0:0");
  };
  CHECK(beyond(certs().mutual_server()));
  auto open = beyond(certs().open_server());
  REQUIRE_FALSE(open);
  CHECK(open.error().code == errc::invalid);
  CHECK(open.error().message.find(
          "give the node a key, or TLS with an authority for client certificates")
        != std::string::npos);
}

TEST_CASE("tcp_broker over TLS: a peer that does not speak TLS is closed at once") {
  log_capture log;
  tcp_node server{functions(), options_within(patience, certs().open_server())};
  auto where = server.listen();
  for (std::string bytes :
       {std::string{"GET / HTTP/1.1\r\n\r\n"}, std::string(64, '\0'), std::string(9, '\xff')}) {
    raw_peer plain{where};
    plain.send_bytes(bytes);
    plain.await_close();
  }
  CHECK(log.await("event=closed").find("TLS") != std::string::npos);
  tcp_node plain{
    registry{},
    options_within(50ms, {})}; // the client waits for a challenge, and the server for a ClientHello
  CHECK(refusal(plain, where).message.find("no login within") != std::string::npos);
  tcp_node good{registry{}, options_with(certs().anonymous())};
  good.connect(where);
  check_calls(good);
}

TEST_CASE("tcp_broker: a TLS client of a node without TLS is closed at once, and both ends report "
          "the reason") {
  log_capture log;
  tcp_node server{functions(), options_within(patience, {})},
    client{registry{}, options_within(patience, certs().anonymous())};
  auto why = refusal(client, server.listen());
  CHECK(why.code == errc::login_refused);
  CHECK(why.message.starts_with("the peer does not speak TLS"));
  CHECK(log.await("event=closed").find("TLS") != std::string::npos);
}

TEST_CASE("tcp_broker over TLS: a peer that is silent, or stops within the handshake, is closed "
          "after the handshake timeout") {
  tcp_node server{functions(), options_within(50ms, certs().open_server())};
  auto where = server.listen();
  auto hello = std::move(dialling(certs().anonymous())->output());
  for (std::size_t size :
       {std::size_t{0}, std::size_t{1}, hello.size() / 2, hello.size() - 1, hello.size()}) {
    raw_peer silent{where};
    silent.send_bytes(std::string_view{hello}.substr(0, size));
    silent.await_close();
  }
  raw_peer shaken{where};
  shaken.secure(dialling(certs().anonymous()));
  shaken.await_close();
}

TEST_CASE("tcp_broker over TLS: a client drops a server that never answers its ClientHello") {
  tcp_node client{registry{}, options_within(50ms, certs().anonymous())};
  raw_listener silent;
  auto why = refusal(client, silent.where());
  CHECK(why.code == errc::login_refused);
  CHECK(why.message.find("no login within") != std::string::npos);
}
