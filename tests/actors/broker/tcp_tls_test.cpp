// Calls between nodes over TLS work as without TLS, and certificates name the peers.
#include <doctest/doctest.h>

#include "tls_nodes.hpp"

using namespace patio;
using namespace patio::protocol;
using namespace patio::tests;
using namespace std::chrono_literals;

TEST_CASE("tcp_broker over TLS: either side calls the other, by address and by name") {
  tcp_node server{functions(), options_with(certs().open_server())};
  auto where = server.listen();
  for (const char* host : {"127.0.0.1", "localhost"}) {
    registry rpc;
    rpc.add("mine", [] { return 5; });
    tcp_node client{rpc, options_with(certs().anonymous())};
    auto peer = client.connect({host, where.port});
    CHECK(peer.names.size() == 3);
    CHECK(peer.proved == std::vector<std::string>{"localhost", "server.example"});
    check_calls(client);
    CHECK(ended(call<std::int64_t>(server.broker(), "mine")) == 5);
    CHECK(ask<void>(client.broker(), ping_atom::value, peer.id));
  }
}

TEST_CASE("tcp_broker over TLS: a shared key is required as well") {
  auto server_options = options_with(certs().open_server()),
       right = options_with(certs().anonymous()), wrong = right;
  server_options.key = right.key = "secret";
  tcp_node server{functions(), server_options}, friendly{registry{}, right},
    stranger{registry{}, wrong};
  auto where = server.listen();
  friendly.connect(where);
  check_calls(friendly);
  CHECK(refusal(stranger, where).code == errc::login_refused);
}

TEST_CASE(
  "tcp_broker over TLS: a client certificate names its peer, and access rules apply to that name") {
  auto options = options_with(certs().mutual_server());
  options.rules = {{"alice", "*"}, {"*", "two"}};
  tcp_node server{functions(), options}, alice{registry{}, options_with(certs().named("alice"))},
    bob{registry{}, options_with(certs().named("bob"))};
  auto where = server.listen();
  alice.connect(where);
  REQUIRE(server.peers().size() == 1);
  CHECK(server.peers().front().proved == std::vector<std::string>{"alice"});
  bob.connect(where);
  check_calls(alice);
  check_calls(bob);
  CHECK(ended(call<std::string>(alice.broker(), "echo", "hello")) == "hello");
  CHECK(failure(call<std::string>(bob.broker(), {"echo", {.timeout = 1s}}, "hello")).code
        != errc::remote_error); // bob has not discovered the name
}

TEST_CASE("tcp_broker over TLS: a client can be set to accept any server, or another name") {
  auto elsewhere = shows(
    certs().authority.issue({.common_name = "elsewhere.example", .hosts = {"elsewhere.example"}}));
  tcp_node server{functions(), options_with(elsewhere)};
  auto where = server.listen();
  tls_options anybody;
  anybody.verify = tls_options::verification::insecure_accept_any_server;
  auto named = certs().anonymous();
  named.name = "elsewhere.example";
  for (const auto& tls : {anybody, named}) {
    tcp_node client{registry{}, options_with(tls)};
    client.connect(where);
    check_calls(client);
  }
}

TEST_CASE("tcp_broker over TLS: certificates are replaced while connections stay open") {
  tcp_node server{functions(), options_with(certs().open_server())},
    before{registry{}, options_with(certs().anonymous())};
  auto where = server.listen();
  before.connect(where);
  auto later = make_authority("Later authority");
  auto renewed = shows(later.issue({.common_name = "renewed", .addresses = {"127.0.0.1"}}));
  REQUIRE(replace_tls(server.broker(), renewed));
  tcp_node after{registry{}, options_with(believes(later))},
    too_late{registry{}, options_with(certs().anonymous())};
  CHECK(after.connect(where).proved == std::vector<std::string>{"renewed"});
  check_calls(before);
  check_calls(after);
  CHECK(refusal(too_late, where).message.find("'Later authority' is not a trusted authority")
        != std::string::npos);
  SUBCASE("wrong certificates change nothing") {
    auto broken = renewed;
    broken.private_key = certs().server_of_this_machine.private_key();
    auto no = replace_tls(server.broker(), broken);
    REQUIRE_FALSE(no);
    CHECK(no.error().code == errc::invalid);
    no = replace_tls(server.broker(), certs().anonymous());
    REQUIRE_FALSE(no);
    CHECK(no.error().message
          == "a node that listens with TLS needs a certificate and its private key");
    tcp_node another{registry{}, options_with(believes(later))};
    another.connect(where);
    check_calls(another);
  }
}

TEST_CASE(
  "tcp_broker over TLS: a node that demands client certificates cannot stop demanding them") {
  auto strict = certs().open_server();
  strict.authorities = certs().authority.certificate();
  tcp_node server{functions(), options_with(strict)};
  auto refused = patio::replace_tls(server.broker(), certs().open_server());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message
        == "the node demands client certificates, so the options need an authority for them");
  CHECK(patio::replace_tls(server.broker(), strict));
}

TEST_CASE("tcp_broker over TLS: values of many megabytes travel in both directions at once") {
  tcp_options options = options_with(certs().open_server());
  options.limits.frame_bytes = std::size_t{17} << 20;
  auto client_options = options_with(certs().anonymous());
  client_options.limits.frame_bytes = options.limits.frame_bytes;
  tcp_node server{functions(), options}, client{registry{}, client_options};
  client.connect(server.listen());
  std::string large(std::size_t{16} << 20, 'y');
  CHECK(ended(call<std::string>(client.broker(), "echo", large)) == large);
  std::vector<call_future<std::string>> many;
  for (std::size_t i = 0; i < 200; ++i)
    many.push_back(call<std::string>(client.broker(), "echo", std::string(1 + i * 97, 'z')));
  for (std::size_t i = 0; i < 200; ++i) CHECK(ended(many[i]).size() == 1 + i * 97);
}

TEST_CASE("tcp_broker over TLS: a call whose bytes arrive one by one is answered") {
  tcp_node server{functions(), options_with(certs().open_server())};
  raw_peer slow{server.listen()};
  slow.secure(dialling(certs().anonymous()));
  slow.log_in_as_client();
  for (char c : frame_of(packet::request, 9, request("two"))) slow.send_bytes({&c, 1});
  CHECK(slow.receive().serial == 9);
}

TEST_CASE("tcp_broker over TLS: a peer that makes many requests and reads no answers is closed, "
          "and no other peer is") {
  log_capture log;
  auto options = options_with(certs().open_server());
  options.limits.write_buffer_bytes = std::size_t{1} << 20;
  tcp_node server{functions(), options}, good{registry{}, options_with(certs().anonymous())};
  auto where = server.listen();
  good.connect(where);
  raw_peer greedy{where};
  greedy.secure(dialling(certs().anonymous()));
  greedy.log_in_as_client();
  std::string payload;
  REQUIRE(write_call_request({"big", {{std::int64_t{4} << 20}, {}}, {}}, payload));
  for (std::uint32_t serial = 10; serial < 30; ++serial)
    greedy.send(packet::request, serial, payload);
  CHECK(log.await("the peer does not read").find("event=closed") != std::string::npos);
  check_calls(good);
}

TEST_CASE("tcp_broker over TLS: a node that ends sends close_notify") {
  auto server = std::make_unique<tcp_node>(functions(), options_with(certs().open_server()));
  raw_peer peer{server->listen()};
  peer.secure(dialling(certs().anonymous()));
  peer.log_in_as_client();
  server.reset();
  peer.await_close();
  CHECK(peer.was_told_the_end());
}

TEST_CASE("tcp_broker over TLS: a call on a truncated connection ends with maybe_executed, and the "
          "log names the truncation") {
  log_capture log;
  tcp_node client{registry{}, options_with(certs().anonymous())};
  raw_listener door;
  auto login = patio::connect(client.broker(), door.where());
  auto peer = door.accept();
  peer.secure(
    tls::context::make(certs().open_server()).value().accept(patio::limits{}.tls_handshake_bytes));
  peer.log_in_as_server({"f"});
  REQUIRE(ended(login));
  auto waiting = call<std::int64_t>(client.broker(), "f");
  CHECK(peer.receive().type == packet::request);
  SUBCASE("cut") { peer.close(); }
  SUBCASE("reset") { peer.reset(); }
  CHECK(failure(std::move(waiting)).code == errc::maybe_executed);
  CHECK(
    log.await("event=disconnected").find("without a TLS close_notify: the stream may be truncated")
    != std::string::npos);
}
