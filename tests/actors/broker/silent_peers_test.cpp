// Peers that connect and never send a byte, such as the health checks of a load balancer: they are
// news with a counter, and every peer that was refused stays a warning.
#include <doctest/doctest.h>

#include "tls_nodes.hpp"

using namespace patio;
using namespace patio::tests;
using namespace std::chrono_literals;

namespace {

/// A node whose log is captured from the level of news on.
struct watched_node {
  log_capture log;
  tcp_node server;
  endpoint where;

  explicit watched_node(tcp_options options = {}) : server{functions(), verbosely(options)} {
    where = server.listen();
  }
  ~watched_node() { set_log_level(log_level::warning); }

  /// Waits until the node has counted so many silent connections.
  void await_silent(int count) { log.await(" silent=" + std::to_string(count)); }
  [[nodiscard]] std::ptrdiff_t count(const std::string& text) {
    auto all = log.lines();
    return std::ranges::count_if(
      all, [&](const std::string& line) { return line.find(text) != std::string::npos; });
  }
  /// A warning begins with the kind of the error, and news with the reason alone.
  void check_no_refusal() { CHECK(count("the login was refused") == 0); }

private:
  static tcp_options verbosely(tcp_options options) {
    set_log_level(log_level::info);
    options.limits.log_lines = 1'000;
    return options;
  }
};

} // namespace

TEST_CASE("tcp_broker: peers that connect and close at once are news, and are counted") {
  watched_node n;
  for (int i = 1; i <= 50; ++i) {
    raw_peer probe{n.where};
    if (i % 2 == 0) (void)probe.receive(); // the node has accepted the connection
    probe.close();
    n.await_silent(i);
  }
  CHECK(n.count("event=closed") == 50);
  n.check_no_refusal();
}

TEST_CASE("tcp_broker: peers that connect and reset the connection are news") {
  watched_node n;
  for (int i = 1; i <= 20; ++i) {
    raw_peer probe{n.where};
    if (i % 2 == 0) (void)probe.receive();
    probe.reset(); // before the node has accepted the connection, or after
    n.await_silent(i);
  }
  n.check_no_refusal();
  CHECK(n.count("event=refused") == 0);
}

TEST_CASE("tcp_broker: a peer that only half-closes is news") {
  watched_node n;
  raw_peer probe{n.where};
  probe.half_close();
  probe.await_close();
  n.await_silent(1);
  n.check_no_refusal();
}

TEST_CASE("tcp_broker over TLS: peers that close or reset before a handshake are news") {
  watched_node n{options_with(certs().mutual_server())};
  for (int i = 1; i <= 10; ++i) {
    raw_peer probe{n.where};
    if (i % 2 == 0) probe.close();
    else probe.reset();
    n.await_silent(i);
  }
  n.check_no_refusal();
  raw_peer begun{n.where};
  begun.send_bytes("\x16\x03\x01");
  begun.half_close();
  CHECK(n.log.await("the login was refused").find("silent") == std::string::npos);
}

TEST_CASE("tcp_broker: a peer that says nothing until handshake_timeout is news, with the limit") {
  watched_node n{options_within(30ms, {})};
  raw_peer probe{n.where};
  probe.await_close();
  n.await_silent(1);
  CHECK(n.count("limit handshake_timeout=") == 1);
  n.check_no_refusal();
}

TEST_CASE("tcp_broker: a peer that has sent a byte, or a wrong key, is a warning between probes") {
  watched_node n{tcp_options{.key = "right"}};
  auto probe = [&](int number) {
    raw_peer{n.where}.close();
    n.await_silent(number);
  };
  probe(1);
  raw_peer one_byte{n.where};
  one_byte.send_bytes(std::string(1, '\1'));
  one_byte.half_close();
  n.log.await("the login was refused: the peer closed the connection within a frame");
  probe(2);
  raw_peer wrong_key{n.where};
  CHECK_THROWS((void)wrong_key.prove("wrong"));
  n.log.await("wrong key");
  probe(3);
  CHECK(n.count("the login was refused") == 2);
}

TEST_CASE("tcp_broker: silent connections beyond connections_before_login are a warning each") {
  tcp_options few;
  few.limits.connections_before_login = 1;
  watched_node n{few};
  raw_peer first{n.where};
  (void)first.receive();
  raw_peer second{n.where};
  first.await_close();
  n.log.await("the login was refused: too many peers that have not logged in "
              "(limit connections_before_login=1, exceeded 1 times)");
  CHECK(n.count("silent=") == 0);
}

TEST_CASE(
  "tcp_broker: a dialled peer that closes without a byte is a warning at the dialling node") {
  watched_node n;
  raw_listener silent;
  (void)patio::connect(n.server.broker(), silent.where());
  silent.accept().close();
  n.log.await("event=disconnected");
  CHECK(n.count("silent=") == 0);
}
