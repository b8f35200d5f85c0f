// The limits on connections, and the choice of the pending login to close.
#include "mesh/limited_node.hpp"

TEST_CASE(
  "node limits: too many pending logins close the oldest pending login of the busiest host") {
  limited m{{.connections_before_login = 5}};
  auto open = [&m](const char* address) {
    CHECK(m.node.admit());
    return m.node.open(patio::role::server, address, test_token, m.now);
  };
  open("one:1");
  auto oldest = open("busy:1");
  open("two:1");
  open("busy:2");
  open("busy:3");
  std::vector<patio::connection_id> closed;
  m.owner.when_closed = [&closed](patio::connection_id id) { closed.push_back(id); };
  auto sixth = open("[::1]:1");
  CHECK(closed == std::vector{oldest});
  check_closed(m, limit::connections_before_login);
  CHECK(m.owner.closings.back().code == patio::errc::login_refused);
  CHECK(m.node.tables().connections == 5);
  m.node.close(sixth, {patio::errc::login_refused, "gone", {}}, 0);
  closed.clear();
  open("three:1");
  CHECK(closed.empty()); // a slot was free
  open("four:1");
  CHECK(closed.size() == 1);
  CHECK(m.node.exceeded(limit::connections_before_login) == 2);
}

TEST_CASE(
  "node limits: the oldest login is closed if hosts are equally busy or share an IPv6 network") {
  auto first_to_go = [](std::vector<std::string> hosts) {
    limited m{{.connections_before_login = hosts.size()}};
    std::map<patio::connection_id, std::string> known;
    for (const auto& host : hosts)
      known.emplace(m.node.open(patio::role::server, host + ":1", test_token, m.now), host);
    std::string gone;
    m.owner.when_closed = [&](patio::connection_id id) { gone = known.at(id); };
    CHECK(m.node.admit());
    return gone;
  };
  CHECK(first_to_go({"9.0.0.1", "1.0.0.1", "5.0.0.1"}) == "9.0.0.1");
  CHECK(first_to_go({"1.0.0.1", "9.0.0.1", "5.0.0.1"}) == "1.0.0.1");
  CHECK(first_to_go({"1.0.0.1", "[2001:db8:0:1::1]", "[2001:db8:0:1:ffff::2]", "[2001:db8:0:2::1]"})
        == "[2001:db8:0:1::1]");
  CHECK(first_to_go({"1.0.0.1", "[2001:db8:0:1::1]", "[2001:db8:0:2::1]"}) == "1.0.0.1");
}

TEST_CASE("node limits: a login that has used a tenth of its time is closed before the new logins "
          "of a busy host") {
  limited m{{.connections_before_login = 5}};
  auto slow = m.node.open(patio::role::server, "slow:1", test_token, m.now);
  m.pass(500ms - 1ns);
  std::vector<patio::connection_id> crowd, closed;
  for (int i = 0; i < 4; ++i)
    crowd.push_back(m.node.open(patio::role::server, "crowd:1", test_token, m.now));
  m.owner.when_closed = [&closed](patio::connection_id id) { closed.push_back(id); };
  CHECK(m.node.admit());
  CHECK(closed == std::vector{crowd[0]});
  m.node.open(patio::role::server, "crowd:2", test_token, m.now);
  m.pass(1ns);
  m.node.tick(m.now);
  CHECK(m.node.admit());
  CHECK(closed == std::vector{crowd[0], slow});
}

TEST_CASE("node limits: by default 128 connections may be logging in") {
  limited m{{}};
  for (int i = 0; i < 128; ++i) {
    REQUIRE(m.node.admit());
    m.node.open(patio::role::server, "host" + std::to_string(i) + ":1", test_token, m.now);
  }
  CHECK(m.owner.closings.empty());
  CHECK(m.node.admit());
  CHECK(m.owner.closings.size() == 1);
  CHECK(m.node.tables().connections == 127);
}

TEST_CASE("node limits: logged-in and dialled connections do not count as pending logins") {
  limited m{{.connections_before_login = 1}};
  m.node.open(patio::role::client, "there:1", test_salt, m.now);
  for (int i = 0; i < 3; ++i) {
    CHECK(m.node.admit());
    m.meet({});
  }
  CHECK(m.owner.closings.empty());
  CHECK(m.node.peers().size() == 3);
  CHECK(m.node.exceeded(limit::connections_before_login) == 0);
}

TEST_CASE("node limits: a full node refuses a connection and admits one after another has closed") {
  limited m{{.connections = 2}};
  m.meet({});
  auto& second = m.meet({});
  for (std::uint64_t i = 1; i <= 2; ++i) {
    auto refused = m.node.admit();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == patio::errc::overloaded);
    CHECK(refused.error().exceeded == limit::connections);
    CHECK(text_of(refused.error()) == "too many connections" + m.said(limit::connections, i));
  }
  CHECK(m.node.exceeded(limit::connections) == 2);
  CHECK(m.owner.closings.empty());
  m.node.close(second.id, {patio::errc::maybe_executed, "gone", {}}, 0);
  CHECK(m.node.admit());
}
