// These tests cover peers that end their connection before they have sent a byte, such as health
// checks. The node tells its owner apart from a refused login.
#include <patio/mesh/node.hpp>

#include "mesh/node_fixture.hpp"
#include "protocol/session_fixture.hpp"
#include "tls/fixture.hpp"

using patio::errc;

namespace {

/// A node, its last closed connection, and a peer that the test plays.
struct probed_node {
  patio::instant now = 1'000s;
  std::optional<patio::mesh::connection_closed> closed;
  driven_node node{{}, some_functions(), [this](patio::mesh::node_event&& event) {
                     if (auto* c = std::get_if<patio::mesh::connection_closed>(&event))
                       closed = std::move(*c);
                   }};

  patio::connection_id open(patio::role side = patio::role::server,
                            std::unique_ptr<patio::tls::engine> tls = nullptr) {
    auto nonce = side == patio::role::server ? test_token : test_salt;
    return node.open(side, "probe:1", nonce, now, std::move(tls));
  }
  void log_in(patio::connection_id id) {
    auto challenge = patio::protocol::login_challenge(test_token);
    auto send = [&](patio::protocol::packet type, std::uint32_t serial, std::string_view payload) {
      node.receive(id, framed(type, serial, payload), now);
    };
    send(patio::protocol::packet::auth_request, 1,
         patio::protocol::login_answer(challenge, "", test_salt));
    send(patio::protocol::packet::discover_request, 2, pickled_none);
    for (auto& f : frames_of(node.output(id)))
      if (f.type == patio::protocol::packet::discover_request)
        send(patio::protocol::packet::discover_response, f.serial, pickled(patio::value::list({})));
    REQUIRE(node.peers().size() == 1);
  }
};

} // namespace

TEST_CASE("node: a peer that closes an accepted connection before its first byte was silent") {
  probed_node p;
  p.node.close_at_end(p.open(), 0);
  REQUIRE(p.closed);
  CHECK(p.closed->was_silent);
  CHECK(p.closed->why.code == errc::login_refused);
  CHECK(text_of(p.closed->why) == "the peer closed the connection");
}

TEST_CASE("node: a server that closes the connection has refused the login if it got one") {
  probed_node p;
  auto id = p.open(patio::role::client);
  SUBCASE("before its challenge") {
    p.node.close_at_end(id, 0);
    REQUIRE(p.closed);
    CHECK_FALSE(is_refusal(p.closed->why));
  }
  SUBCASE("after the node has answered the challenge") {
    auto challenge = patio::protocol::login_challenge(test_token);
    p.node.receive(id, framed(patio::protocol::packet::auth_digest, 0, challenge), p.now);
    p.node.close_at_end(id, 0);
    REQUIRE(p.closed);
    CHECK(is_refusal(p.closed->why));
  }
}

TEST_CASE("node: a peer that closes a TLS connection before its first byte was silent") {
  probed_node p;
  auto serves = tls_testing::context(tls_testing::options_of(tls_testing::identities().server));
  auto engine = [&] { return serves.accept(patio::limits{}.tls_handshake_bytes); };
  p.node.close_at_end(p.open(patio::role::server, engine()), 0);
  REQUIRE(p.closed);
  CHECK(p.closed->was_silent);
  auto begun = p.open(patio::role::server, engine());
  p.node.receive(begun, tls_testing::hello().substr(0, 1), p.now);
  p.node.close_at_end(begun, 0);
  CHECK_FALSE(p.closed->was_silent);
}

TEST_CASE("node: a peer that says nothing until handshake_timeout was silent, and the limit counts "
          "the connection") {
  probed_node p;
  (void)p.open();
  p.node.tick(p.now += 5s);
  REQUIRE(p.closed);
  CHECK(p.closed->was_silent);
  CHECK(p.closed->why.exceeded == patio::limit::handshake_timeout);
  CHECK(p.node.exceeded(patio::limit::handshake_timeout) == 1);
}

TEST_CASE("node: a peer that has sent one byte was not silent") {
  probed_node p;
  auto id = p.open();
  p.node.receive(id, std::string(1, '\1'), p.now);
  p.node.close_at_end(id, 0);
  REQUIRE(p.closed);
  CHECK_FALSE(p.closed->was_silent);
  CHECK(text_of(p.closed->why) == "the peer closed the connection within a frame");
}

TEST_CASE("node: a dialled peer that closes the connection before its first byte is a fault, and "
          "was not silent") {
  probed_node p;
  p.node.close_at_end(p.open(patio::role::client), 0);
  REQUIRE(p.closed);
  CHECK_FALSE(p.closed->was_silent);
}

TEST_CASE("node: a peer that has logged in was not silent, however long ago its last byte was") {
  probed_node p;
  auto id = p.open();
  p.log_in(id);
  p.node.tick(p.now += 10s); // the first probe sets the number of heard bytes back
  REQUIRE_FALSE(p.closed);
  p.node.close_at_end(id, 0);
  REQUIRE(p.closed);
  CHECK_FALSE(p.closed->was_silent);
}
