// Access over real sockets: keys, rules, and the addresses where a node may listen.
#include <doctest/doctest.h>

#include "nodes.hpp"
#include "raw_peer.hpp"

using namespace patio;
using namespace patio::protocol;
using namespace patio::tests;

namespace {

registry some_names() {
  registry rpc;
  for (const auto* name : {"ping", "invoice_new", "shutdown"}) rpc.add(name, [] { return 1; });
  return rpc;
}

tcp_options guarded() {
  return {.key = "own",
          .keys = {{"billing", "key of billing"}, {"admin", "key of admin"}},
          .rules = {{"*", "ping"}, {"billing", "invoice_*"}, {"admin", "*"}}};
}

using names = std::vector<std::string>;

/// Returns the names that a client with this key discovers.
names discovered_with(const secret& key, const endpoint& where) {
  tcp_node client{registry{}, {.key = key}};
  auto found = client.connect(where).names;
  std::sort(found.begin(), found.end());
  return found;
}

/// Calls the function and returns the result or the error as text.
std::string answer_to(raw_peer& peer, const std::string& function) {
  std::string payload;
  REQUIRE(write_call_request({function, {}, {}}, payload));
  peer.send(packet::request, 7, payload);
  auto answer = peer.receive();
  CHECK(answer.serial == 7);
  auto v = read_pickle(answer.payload).value();
  return answer.type == packet::error ? to_string(remote_error(v)) : brief(v);
}

const std::string refused = "anybody who reaches ";
const std::string advice =
  " could call this node: give the node a key, or TLS with an authority for "
  "client certificates, or allow this explicitly";

} // namespace

TEST_CASE("tcp_broker: each key has a name, and a peer discovers only what that name may call") {
  tcp_node server{some_names(), guarded()};
  auto where = server.listen();
  CHECK(discovered_with("own", where) == names{"ping"});
  CHECK(discovered_with("key of billing", where) == names{"invoice_new", "ping"});
  CHECK(discovered_with("key of admin", where) == names{"invoice_new", "ping", "shutdown"});
  tcp_node admin{registry{}, {.key = "key of admin"}};
  admin.connect(where);
  CHECK(ended(call<int>(admin.broker(), "shutdown")) == 1);
  CHECK(server.peers().back().proved == names{"admin"});
}

TEST_CASE("tcp_broker: a forbidden call gets a PermissionError, and the log names the peer") {
  log_capture log;
  tcp_node server{some_names(), guarded()};
  auto where = server.listen();
  raw_peer billing{where};
  billing.log_in_as_client({}, "key of billing");
  CHECK(answer_to(billing, "invoice_new") == "1");
  CHECK(answer_to(billing, "shutdown") == "PermissionError: shutdown");
  CHECK(answer_to(billing, "missing") == "PermissionError: missing");
  CHECK(answer_to(billing, "ping") == "1");
  log.await("reason=\"'billing' may not call 'shutdown'\"");
}

TEST_CASE("tcp_broker: an unknown key and the empty key are refused") {
  log_capture log;
  tcp_node server{some_names(), {.keys = {{"billing", "key of billing"}}}};
  auto where = server.listen();
  for (const auto* key : {"", "another"}) {
    tcp_node stranger{registry{}, {.key = key}};
    auto login = ended(
      patio::connect(stranger.broker(), where, {.gives_up = patio::give_up::at_first_failure}));
    REQUIRE_FALSE(login);
    CHECK(login.error().code == errc::login_refused);
  }
  CHECK(log.await("wrong key").find("billing") == std::string::npos);
}

TEST_CASE(
  "tcp_broker: keys that are too long or not distinct are refused when the node is spawned") {
  CHECK_THROWS_AS(tcp_node(registry{}, {.key = std::string(33, 'k')}), std::invalid_argument);
  CHECK_THROWS_AS(tcp_node(registry{}, {.keys = {{"a", "k"}, {"b", "k"}}}), std::invalid_argument);
}

TEST_CASE("tcp_broker: without a key or certificates a node listens on loopback addresses only") {
  tcp_node open;
  for (const auto* host : {"0.0.0.0", "::"}) {
    auto where = listen(open.broker(), patio::endpoint{host, 0});
    REQUIRE_FALSE(where);
    CHECK(where.error().code == errc::invalid);
    CHECK(where.error().message.starts_with(refused));
    CHECK(where.error().message.ends_with(advice));
  }
  CHECK(listen(open.broker(), "127.0.0.1:0"));
  CHECK(listen(open.broker(), "[::1]:0"));
  CHECK(listen(open.broker(), "127.8.9.10:0"));
}

TEST_CASE("tcp_broker: a node listens beyond this machine with a key, with named keys, or with "
          "insecure_listen_to_all") {
  tcp_node keyed{registry{}, {.key = "k"}}, named{registry{}, {.keys = {{"a", "k"}}}},
    insecure{registry{}, {.insecure_listen_to_all = true}};
  for (auto* node : {&keyed, &named, &insecure}) CHECK(listen(node->broker(), "0.0.0.0:0"));
}

TEST_CASE("tcp_broker: a silent connection is closed in favour of a new connection, and "
          "connections beyond the limit are refused, with a log line each") {
  log_capture log;
  tcp_options few;
  few.limits.connections_before_login = 2;
  few.limits.connections = 3;
  tcp_node server{some_names(), few};
  auto where = server.listen();
  raw_peer oldest{where}, second{where};
  (void)oldest.receive(); // the challenge: the node has accepted the connection
  (void)second.receive();
  raw_peer third{where};
  oldest.await_close();
  log.await(
    "too many peers that have not logged in (limit connections_before_login=2, exceeded 1 times)");
  third.log_in_as_client();
  raw_peer fourth{where};
  fourth.log_in_as_client();
  raw_peer fifth{where};
  fifth.await_close();
  log.await("too many connections (limit connections=3, exceeded 1 times)");
  second.close();
  log_capture again;
  CHECK(answer_to(third, "ping") == "1");
}
