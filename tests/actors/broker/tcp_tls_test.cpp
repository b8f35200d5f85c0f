// TLS on running nodes: whom they let in, what they tell those they do not, and that it changes
// nothing else.
#include <doctest/doctest.h>

#include "broker_under_attack.hpp"
#include "credentials.hpp"

using namespace patio;
using namespace patio::protocol;
using namespace patio::tests;
using namespace std::chrono_literals;

namespace {

const credentials& the() {
  static const credentials made;
  return made;
}

registry functions() {
  registry rpc;
  rpc.add("two", [] { return 2; });
  rpc.add("echo", [](value v) { return v; });
  rpc.add("big",
          [](std::int64_t bytes) { return std::string(static_cast<std::size_t>(bytes), 'x'); });
  return rpc;
}

tcp_options with(tls_options tls) { return {.tls = std::move(tls)}; }

tcp_options within(std::chrono::nanoseconds handshake, std::optional<tls_options> tls) {
  tcp_options options{.tls = std::move(tls)};
  options.limits.handshake_timeout = handshake;
  return options;
}

error refusal(tcp_node& client, const endpoint& to) {
  auto login = ended(patio::connect(client.broker(), to.host, to.port, {.until_connected = false}));
  REQUIRE_FALSE(login);
  return login.error();
}

void check_calls(tcp_node& from) { CHECK(ended(call<std::int64_t>(from.broker(), "two")) == 2); }

/// What a client and a server log and return when they cannot agree.
struct disagreement {
  explicit disagreement(tls_options servers, tls_options clients,
                        const std::string& host = "127.0.0.1") {
    log_capture log;
    tcp_node server{functions(), with(std::move(servers))},
      client{functions(), with(std::move(clients))};
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

std::unique_ptr<tls::engine> dialling(const tls_options& options) {
  return tls::context::make(options).value().connect("127.0.0.1").value();
}

} // namespace

TEST_CASE("tcp_broker over TLS: either side calls the other, by address and by name") {
  tcp_node server{functions(), with(the().open_server())};
  auto where = server.listen();
  for (const char* host : {"127.0.0.1", "localhost"}) {
    registry rpc;
    rpc.add("mine", [] { return 5; });
    tcp_node client{rpc, with(the().anonymous())};
    auto peer = client.connect({host, where.port});
    CHECK(peer.names.size() == 3);
    CHECK(peer.proved == std::vector<std::string>{"localhost", "server.example"});
    check_calls(client);
    CHECK(ended(call<std::int64_t>(server.broker(), "mine")) == 5);
    CHECK(ask<void>(client.broker(), ping_atom::value, peer.id));
  }
}

TEST_CASE("tcp_broker over TLS: a shared key is still asked for") {
  auto server_options = with(the().open_server()), right = with(the().anonymous()), wrong = right;
  server_options.key = right.key = "secret";
  tcp_node server{functions(), server_options}, friendly{registry{}, right},
    stranger{registry{}, wrong};
  auto where = server.listen();
  friendly.connect(where);
  check_calls(friendly);
  CHECK(refusal(stranger, where).code == errc::login_refused);
}

TEST_CASE("tcp_broker over TLS: a client that shows its certificate is known by its name, and "
          "rules go by that") {
  auto options = with(the().mutual_server());
  options.rules = {{"alice", "*"}, {"*", "two"}};
  tcp_node server{functions(), options}, alice{registry{}, with(the().named("alice"))},
    bob{registry{}, with(the().named("bob"))};
  auto where = server.listen();
  alice.connect(where);
  REQUIRE(server.peers().size() == 1);
  CHECK(server.peers().front().proved == std::vector<std::string>{"alice"});
  bob.connect(where);
  check_calls(alice);
  check_calls(bob);
  CHECK(ended(call<std::string>(alice.broker(), "echo", "hello")) == "hello");
  CHECK(failure(call<std::string>(bob.broker(), {"echo", {.timeout = 1s}}, "hello")).code
        != errc::remote_error); // it is not told of it
}

TEST_CASE(
  "tcp_broker over TLS: certificates that prove nothing are refused, with words at both ends") {
  auto other = make_authority("Another authority");
  SUBCASE("of an authority the client does not know") {
    disagreement{the().open_server(), believes(other)}.check(
      "'Test authority' is not a trusted authority", "it does not trust the authority");
  }
  SUBCASE("for another host") {
    auto elsewhere = shows(
      the().authority.issue({.common_name = "elsewhere.example", .hosts = {"elsewhere.example"}}));
    disagreement{elsewhere, the().anonymous()}.check(
      "the certificate is for elsewhere.example, not 127.0.0.1",
      "the peer refused with the TLS alert");
  }
  SUBCASE("expired") {
    auto late = shows(the().authority.issue(
      {.common_name = "late", .addresses = {"127.0.0.1"}, .valid_from = -3, .valid_until = -1}));
    disagreement{late, the().anonymous()}.check("expired", "certificate expired");
  }
  SUBCASE("no client certificate where one is demanded") {
    disagreement{the().mutual_server(), the().anonymous()}.check(
      "it demands a client certificate",
      "the peer has sent no certificate, and this side demands one");
  }
  SUBCASE("a client certificate of an authority the server does not know") {
    auto stranger = believes(the().authority, shows(other.issue({.common_name = "alice"})));
    disagreement{the().mutual_server(), stranger}.check(
      "it does not trust the authority", "'Another authority' is not a trusted authority");
  }
}

TEST_CASE("tcp_broker over TLS: a client may be told to believe anybody, or another name") {
  auto elsewhere = shows(
    the().authority.issue({.common_name = "elsewhere.example", .hosts = {"elsewhere.example"}}));
  tcp_node server{functions(), with(elsewhere)};
  auto where = server.listen();
  tls_options gullible;
  gullible.verify = tls_options::verification::insecure_accept_any_server;
  auto named = the().anonymous();
  named.name = "elsewhere.example";
  for (const auto& tls : {gullible, named}) {
    tcp_node client{registry{}, with(tls)};
    client.connect(where);
    check_calls(client);
  }
}

TEST_CASE("tcp_broker over TLS: certificates are replaced while connections live") {
  tcp_node server{functions(), with(the().open_server())},
    before{registry{}, with(the().anonymous())};
  auto where = server.listen();
  before.connect(where);
  auto later = make_authority("Later authority");
  auto renewed = shows(later.issue({.common_name = "renewed", .addresses = {"127.0.0.1"}}));
  REQUIRE(replace_tls(server.broker(), renewed));
  tcp_node after{registry{}, with(believes(later))}, too_late{registry{}, with(the().anonymous())};
  CHECK(after.connect(where).proved == std::vector<std::string>{"renewed"});
  check_calls(before);
  check_calls(after);
  CHECK(refusal(too_late, where).message.find("'Later authority' is not a trusted authority")
        != std::string::npos);
  SUBCASE("wrong ones change nothing") {
    auto broken = renewed;
    broken.private_key = the().server_of_this_machine.private_key();
    auto no = replace_tls(server.broker(), broken);
    REQUIRE_FALSE(no);
    CHECK(no.error().code == errc::invalid);
    no = replace_tls(server.broker(), the().anonymous());
    REQUIRE_FALSE(no);
    CHECK(no.error().message
          == "a node that listens with TLS needs a certificate and its private key");
    tcp_node another{registry{}, with(believes(later))};
    another.connect(where);
    check_calls(another);
  }
}

TEST_CASE("tcp_broker over TLS: a node that demands client certificates goes on to") {
  auto strict = the().open_server();
  strict.authorities = the().authority.certificate();
  tcp_node server{functions(), with(strict)};
  auto refused = patio::replace_tls(server.broker(), the().open_server());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message
        == "a node that demands client certificates goes on to: the options need an authority for "
           "them");
  CHECK(patio::replace_tls(server.broker(), strict));
}

TEST_CASE(
  "tcp_broker: a node without TLS gets none later, nor without a certificate listens with it") {
  tcp_node clear;
  auto no = replace_tls(clear.broker(), the().open_server());
  REQUIRE_FALSE(no);
  CHECK(no.error().message == "the node was spawned without TLS");
  tcp_node nobody{registry{}, with(the().anonymous())};
  auto listening = listen(nobody.broker(), "127.0.0.1", 0);
  REQUIRE_FALSE(listening);
  CHECK(listening.error().code == errc::invalid);
  CHECK(listening.error().message
        == "a node that listens with TLS needs a certificate and its private key");
}

TEST_CASE("tcp_broker: wrong TLS options are refused when the node is made") {
  system_config config;
  caf::actor_system system{config};
  auto options = the().open_server();
  options.private_key = the().client("alice").private_key();
  CHECK_THROWS_AS((void)spawn_tcp_broker(system, null_executor(), with(options)),
                  std::invalid_argument);
}

TEST_CASE("tcp_broker: only client certificates or a key let a node listen beyond this machine") {
  auto beyond = [](tls_options tls) {
    tcp_node node{registry{}, with(std::move(tls))};
    return listen(node.broker(), "0.0.0.0", 0);
  };
  CHECK(beyond(the().mutual_server()));
  auto open = beyond(the().open_server());
  REQUIRE_FALSE(open);
  CHECK(open.error().code == errc::invalid);
  CHECK(open.error().message.find("give it a key, or TLS with an authority for client certificates")
        != std::string::npos);
}

TEST_CASE("tcp_broker over TLS: who does not speak it is closed at once") {
  log_capture log;
  tcp_node server{functions(), within(patience, the().open_server())};
  auto where = server.listen();
  for (std::string bytes :
       {std::string{"GET / HTTP/1.1\r\n\r\n"}, std::string(64, '\0'), std::string(9, '\xff')}) {
    raw_peer plain{where};
    plain.send_bytes(bytes);
    plain.await_close();
  }
  CHECK(log.await("event=closed").find("TLS") != std::string::npos);
  tcp_node plain{registry{},
                 within(50ms, {})}; // it waits for a challenge, as the server waits for a hello
  CHECK(refusal(plain, where).message.find("no login within") != std::string::npos);
  tcp_node good{registry{}, with(the().anonymous())};
  good.connect(where);
  check_calls(good);
}

TEST_CASE(
  "tcp_broker: TLS on a port that does not speak it is closed at once, and said so at both ends") {
  log_capture log;
  tcp_node server{functions(), within(patience, {})},
    client{registry{}, within(patience, the().anonymous())};
  auto why = refusal(client, server.listen());
  CHECK(why.code == errc::login_refused);
  CHECK(why.message.starts_with("the peer does not speak TLS"));
  CHECK(log.await("event=closed").find("TLS") != std::string::npos);
}

TEST_CASE("tcp_broker over TLS: who says nothing, or stops within the handshake, is closed after "
          "the login's time") {
  tcp_node server{functions(), within(50ms, the().open_server())};
  auto where = server.listen();
  auto hello = std::move(dialling(the().anonymous())->output());
  for (std::size_t size :
       {std::size_t{0}, std::size_t{1}, hello.size() / 2, hello.size() - 1, hello.size()}) {
    raw_peer silent{where};
    silent.send_bytes(std::string_view{hello}.substr(0, size));
    silent.await_close();
  }
  raw_peer shaken{where};
  shaken.secure(dialling(the().anonymous()));
  shaken.await_close();
}

TEST_CASE("tcp_broker over TLS: a client gives a server up that never answers its hello") {
  tcp_node client{registry{}, within(50ms, the().anonymous())};
  raw_listener silent;
  auto why = refusal(client, silent.where());
  CHECK(why.code == errc::login_refused);
  CHECK(why.message.find("no login within") != std::string::npos);
}

TEST_CASE("tcp_broker over TLS: values of many megabytes travel, both ways and at once") {
  tcp_options options = with(the().open_server());
  options.limits.frame_bytes = std::size_t{17} << 20;
  auto client_options = with(the().anonymous());
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

TEST_CASE("tcp_broker over TLS: bytes that come one by one are the same calls") {
  tcp_node server{functions(), with(the().open_server())};
  raw_peer slow{server.listen()};
  slow.secure(dialling(the().anonymous()));
  slow.log_in_as_client();
  for (char c : frame_of(packet::request, 9, request("two"))) slow.send_bytes({&c, 1});
  CHECK(slow.receive().serial == 9);
}

TEST_CASE(
  "tcp_broker over TLS: a peer that asks for much and reads nothing is cut off, and no other") {
  log_capture log;
  auto options = with(the().open_server());
  options.limits.write_buffer_bytes = std::size_t{1} << 20;
  tcp_node server{functions(), options}, good{registry{}, with(the().anonymous())};
  auto where = server.listen();
  good.connect(where);
  raw_peer greedy{where};
  greedy.secure(dialling(the().anonymous()));
  greedy.log_in_as_client();
  std::string payload;
  REQUIRE(write_call_request({"big", {{std::int64_t{4} << 20}, {}}, {}}, payload));
  for (std::uint32_t serial = 10; serial < 30; ++serial)
    greedy.send(packet::request, serial, payload);
  CHECK(log.await("the peer does not read").find("event=closed") != std::string::npos);
  check_calls(good);
}

TEST_CASE("tcp_broker over TLS: a node that ends says so by TLS, and its peer's calls end") {
  auto server = std::make_unique<tcp_node>(functions(), with(the().open_server()));
  raw_peer peer{server->listen()};
  peer.secure(dialling(the().anonymous()));
  peer.log_in_as_client();
  server.reset();
  peer.await_close();
  CHECK(peer.was_told_the_end());
}

TEST_CASE("tcp_broker over TLS: a call whose connection is lost ends as one that may have run, and "
          "the log says that it was cut") {
  log_capture log;
  tcp_node client{registry{}, with(the().anonymous())};
  raw_listener door;
  auto login = patio::connect(client.broker(), door.where().host, door.where().port);
  auto peer = door.accept();
  peer.secure(
    tls::context::make(the().open_server()).value().accept(patio::limits{}.tls_handshake_bytes));
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
