// How TCP brokers listen, dial, and dial again.
#include <doctest/doctest.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "listening.hpp"
#include "nodes.hpp"
#include "raw_peer.hpp"

using namespace patio;
using namespace patio::tests;
using namespace std::chrono_literals;

namespace {

registry named(const std::string& name, std::int64_t answer) {
  registry rpc;
  rpc.add(name, [answer] { return answer; });
  return rpc;
}

/// Returns a port where nothing listens any more.
endpoint deserted() {
  raw_listener gone;
  return gone.where();
}

error refusal(tcp_node& node, const endpoint& to) {
  auto login = ended(patio::connect(node.broker(), to, {.gives_up = give_up::at_first_failure}));
  REQUIRE_FALSE(login);
  return login.error();
}

tcp_options eager() {
  tcp_options o;
  o.limits.reconnect = {.first_delay = 5ms, .longest_delay = 20ms, .refused_delay = 20ms};
  o.limits.route_timeout = patience;
  return o;
}

} // namespace

TEST_CASE("tcp_broker: a node listens on several IPv4 and IPv6 addresses, and another node dials "
          "all of them") {
  tcp_node server{named("one", 1)}, client;
  std::vector<endpoint> where;
  for (const char* host : {"127.0.0.1", "::1", "127.0.0.1", "::1", "localhost"})
    where.push_back(server.listen(host));
  CHECK(to_string(where[1]).starts_with("[::1]:"));
  std::vector<std::future<result<peer_info>>> logins;
  for (const auto& w : where) logins.push_back(patio::connect(client.broker(), w));
  for (std::size_t i = 0; i < where.size(); ++i) {
    auto peer = ended(logins[i]);
    REQUIRE(peer);
    CHECK(peer->address == to_string(where[i]));
    CHECK(peer->side == role::client);
    CHECK(peer->names == std::vector<std::string>{"one"});
  }
  CHECK(client.peers().size() == where.size());
  for (int i = 0; i < 50; ++i) CHECK(ended(call<std::int64_t>(client.broker(), "one")) == 1);
  for (const auto& peer : client.peers()) // each one can be called by its number
    CHECK(ended(call<std::int64_t>(client.broker(), {"one", {.only = peer.id}})) == 1);
}

TEST_CASE(
  "tcp_broker: a node calls each peer by the names that the peer serves, whichever side dialled") {
  tcp_node hub{named("hub", 0), eager()};
  auto where = hub.listen();
  tcp_node a{named("a", 1)}, b{named("b", 2)}, c{named("c", 3)};
  auto c_listens = c.listen("::1");
  a.connect(where);
  b.connect(where);
  hub.connect(c_listens);
  for (auto [name, answer] : {std::pair{"a", 1}, {"b", 2}, {"c", 3}})
    CHECK(ended(call<std::int64_t>(hub.broker(), name)) == answer);
  for (auto* leaf : {&a, &b, &c}) CHECK(ended(call<std::int64_t>(leaf->broker(), "hub")) == 0);
  CHECK(ask<std::vector<std::string>>(hub.broker(), discover_atom::value).value()
        == std::vector<std::string>{"a", "b", "c"});
  CHECK(hub.peers().size() == 3);
}

TEST_CASE("tcp_broker: listening on an impossible address fails at once, and the error has the "
          "address and the reason") {
  tcp_node node;
  auto taken = node.listen();
  auto again = listen(node.broker(), taken);
  REQUIRE_FALSE(again);
  CHECK(again.error().code == errc::connect_failed);
  CHECK(again.error().message
        == "cannot listen on " + to_string(taken) + ": Address already in use");
  // 192.0.2.1 is reserved for documentation, so no machine has it.
  auto foreign = listen(node.broker(), "192.0.2.1:0");
  REQUIRE_FALSE(foreign);
  CHECK(foreign.error().message == "cannot listen on 192.0.2.1:0: Cannot assign requested address");
  std::string too_long(64, 'x'); // a label has 63 bytes at most, so the resolver asks no network
  CHECK(listen(node.broker(), endpoint{too_long, 0})
          .error()
          .message.starts_with("cannot resolve '" + too_long + "': "));
}

TEST_CASE("tcp_broker: the error of a failed dial has the address and the reason") {
  tcp_node node;
  auto nobody = deserted();
  auto refused = refusal(node, nobody);
  CHECK(refused.code == errc::connect_failed);
  CHECK(refused.message == "cannot connect to " + to_string(nobody) + ": Connection refused");
  std::string too_long(64, 'x');
  auto unknown = refusal(node, {too_long, 1});
  CHECK(unknown.code == errc::connect_failed);
  CHECK(unknown.message.starts_with("cannot connect to " + too_long + ":1: cannot resolve '"
                                    + too_long + "': "));
}

TEST_CASE("tcp_broker: a dialled peer that stays silent is dropped after the handshake timeout") {
  tcp_options impatient;
  impatient.limits.handshake_timeout = 30ms;
  tcp_node node{registry{}, impatient};
  raw_listener silent;
  auto why = refusal(node, silent.where());
  CHECK(why.code == errc::login_refused);
  CHECK(why.message.find("no login within") != std::string::npos);
}

TEST_CASE("tcp_broker: dialling goes on until the server starts") {
  log_capture log;
  auto where = deserted();
  tcp_node client{registry{}, eager()};
  auto login = patio::connect(client.broker(), where);
  auto first = call<std::int64_t>(client.broker(), "one"); // waits for a route
  auto line = log.await("event=disconnected");
  CHECK(line
        == "event=disconnected peer=" + to_string(where) + " reason=\"cannot connect to "
             + to_string(where) + ": Connection refused\"");
  CHECK_FALSE(is_ready(login));
  tcp_node server{named("one", 1)};
  CHECK(server.listen(where.host, where.port) == where);
  REQUIRE(ended(login));
  CHECK(ended(first) == 1);
}

TEST_CASE("tcp_broker: a server that restarts is dialled again, every time") {
  log_capture log;
  auto server = std::make_unique<tcp_node>(named("one", 1));
  auto where = server->listen();
  tcp_node client{registry{}, eager()};
  client.connect(where);
  for (int round = 0; round < 10; ++round) {
    CHECK(ended(call<std::int64_t>(client.broker(), "one")) == 1);
    server.reset();
    server = std::make_unique<tcp_node>(named("one", 1));
    CHECK(server->listen(where.host, where.port) == where);
  }
  CHECK(ended(call<std::int64_t>(client.broker(), "one")) == 1);
  CHECK(client.peers().size() == 1);
}

TEST_CASE("tcp_broker: a dial that never gives up waits until the server's key is corrected") {
  log_capture log;
  auto server = std::make_unique<tcp_node>(named("one", 1), tcp_options{.key = "wrong"});
  auto where = server->listen();
  auto options = eager();
  options.key = "right";
  tcp_node client{registry{}, options};
  auto login = patio::connect(client.broker(), where, {give_up::no});
  log.await("event=closed peer=127.0.0.1:");
  server.reset();
  CHECK_FALSE(is_ready(login));
  server = std::make_unique<tcp_node>(named("one", 1), tcp_options{.key = "right"});
  CHECK(server->listen(where.host, where.port) == where);
  REQUIRE(ended(login));
}

TEST_CASE("tcp_broker: a refused login ends the dial, and the error has the reason") {
  log_capture log;
  tcp_node server{named("one", 1), tcp_options{.key = "wrong"}};
  tcp_node client{registry{}, tcp_options{.key = "right"}};
  auto login = ended(patio::connect(client.broker(), server.listen()));
  REQUIRE_FALSE(login);
  CHECK(is_refusal(login.error()));
  CHECK(login.error().message == "the peer closed the connection");
}

TEST_CASE("tcp_broker: a peer that closes the connection before the login is dialled again") {
  log_capture log;
  tcp_node client{registry{}, eager()};
  raw_listener restarts;
  auto login = patio::connect(client.broker(), restarts.where());
  for (int i = 0; i < 3; ++i) (void)restarts.accept();
  CHECK_FALSE(is_ready(login));
}

TEST_CASE("tcp_broker: a text that is not an endpoint is refused, and the error has the forms") {
  tcp_node node;
  for (auto why : {listen(node.broker(), "127.0.0.1:port").error(),
                   ended(patio::connect(node.broker(), "127.0.0.1:port")).error()}) {
    CHECK(why.code == errc::invalid);
    CHECK(why.message == parse_endpoint("127.0.0.1:port").error().message);
  }
}

TEST_CASE("tcp_broker: a key of more than 32 bytes is refused when the node is made") {
  system_config config;
  caf::actor_system system{config};
  CHECK_THROWS_WITH_AS(
    (void)spawn_tcp_broker(system, null_executor(), {.key = std::string(33, 'k')}),
    "a key has at most 32 bytes, not 33", std::invalid_argument);
}

TEST_CASE("tcp_broker: a peer answers a ping, and a ping to an unknown number fails") {
  tcp_node server, client;
  auto peer = client.connect(server.listen());
  CHECK(ask<void>(client.broker(), ping_atom::value, peer.id));
  CHECK(ask<void>(client.broker(), ping_atom::value, connection_id{99}).error().code
        == errc::not_sent);
}

TEST_CASE("tcp_broker: a dial that gets no answer fails after the connect timeout") {
  silent_listener full;
  auto where = full.where();
  tcp_options options;
  options.limits.connect_timeout = 50ms;
  tcp_node node{registry{}, options};
  auto why = refusal(node, where);
  CHECK(why.code == errc::connect_failed);
  CHECK(why.message == "cannot connect to " + to_string(where) + ": no answer in time");
}

TEST_CASE("sockets: keepalive and the timeout of unacknowledged data are set as the limits say") {
  auto number = [](int fd, int level, int name) {
    int option = -1;
    socklen_t size = sizeof option;
    REQUIRE(::getsockopt(fd, level, name, &option, &size) == 0);
    return option;
  };
  auto fd = bound_socket({"127.0.0.1", 0});
  tune(fd.get(), limits{});
  CHECK(number(fd.get(), SOL_SOCKET, SO_KEEPALIVE) == 1);
  CHECK(number(fd.get(), IPPROTO_TCP, TCP_KEEPIDLE) == 15);
  CHECK(number(fd.get(), IPPROTO_TCP, TCP_KEEPINTVL) == 5);
  CHECK(number(fd.get(), IPPROTO_TCP, TCP_KEEPCNT) == 3);
  CHECK(number(fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT) == 20'000);
  CHECK(number(fd.get(), IPPROTO_TCP, TCP_NODELAY) == 1);
  tune(fd.get(), {.keepalive_delay = never, .unacknowledged_timeout = never});
  CHECK(number(fd.get(), IPPROTO_TCP, TCP_KEEPIDLE) == 9 * 3600);
  CHECK(number(fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT) == 9 * 3600 * 1000);
}
