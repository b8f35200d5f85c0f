// Hostile servers: how a node handles the frames of a peer that it has dialled.
#include <doctest/doctest.h>

#include <optional>

#include <patio/protocol/login.hpp>

#include "hostile.hpp"
#include "protocol/session_fixture.hpp"

using namespace patio;
using namespace patio::protocol;
using namespace patio::tests;

TEST_CASE(
  "F1 every truncated challenge or AUTH_OK, followed by a FIN or a RST, fails the login and "
  "leaves nothing behind") {
  broker_under_attack node{without_deadline()};
  std::optional<raw_listener> listener{std::in_place};
  auto send_and_end = [&](const std::string& before, const std::string& truncated, bool reset) {
    auto login = patio::connect(node.server.broker(), listener->where(),
                                {.gives_up = patio::give_up::at_first_failure});
    auto peer = listener->accept();
    peer.send_bytes(before);
    if (!before.empty()) CHECK(peer.receive().type == packet::auth_request);
    peer.send_bytes(truncated);
    if (reset) {
      peer.reset();
    } else {
      peer.half_close();
      peer.await_close();
    }
    auto outcome = ended(login);
    REQUIRE_FALSE(outcome);
    // The reset may arrive before the node has seen that the connection is open.
    bool reset_at_once = reset && before.empty() && outcome.error().code == errc::connect_failed;
    CHECK((outcome.error().code == errc::login_refused || reset_at_once));
  };
  auto challenge = framed(packet::auth_digest, 1, login_challenge("0123456789abcdef"));
  auto auth_ok = framed(packet::auth_ok, 2, none);
  for (bool reset : {false, true}) {
    for (std::size_t n = 0; n < challenge.size(); ++n)
      send_and_end("", challenge.substr(0, n), reset);
    for (std::size_t n = 0; n < auth_ok.size(); ++n)
      send_and_end(challenge, auth_ok.substr(0, n), reset);
  }
  listener.reset();
  node.check_nothing_left();
  node.check_undisturbed();
}

TEST_CASE("F7 answers that come too early or twice do not reach other calls") {
  broker_under_attack node{without_deadline()};
  raw_listener listener;
  auto login = patio::connect(node.server.broker(), listener.where());
  auto server = listener.accept();
  server.log_in_as_server({"f"});
  REQUIRE(ended(login));
  for (std::uint32_t serial = 1; serial < 20; ++serial)
    server.send(packet::response, serial + 3, pickle_of(666)); // before the node's first REQUEST
  for (int i = 0; i < 3; ++i) {
    auto answer = call<std::int64_t>(node.server.broker(), "f");
    auto serial = server.receive().serial;
    server.send(packet::response, serial, pickle_of(i));
    server.send(packet::response, serial, pickle_of(667));
    server.send(packet::error, serial,
                pickle_of(value::exception("builtins.ValueError", {"again"})));
    CHECK(ended(answer) == i);
  }
  node.check_undisturbed();
}

TEST_CASE("F12 a node asks for its peer's names first, and calls only once it has sent its own") {
  broker_under_attack node{without_deadline()};
  raw_listener listener;
  auto login = patio::connect(node.server.broker(), listener.where());
  auto waiting = call<std::int64_t>(node.server.broker(), "f"); // sent once a peer serves "f"
  auto server = listener.accept();
  server.send(packet::auth_digest, 1, login_challenge("0123456789abcdef"));
  CHECK(server.receive().type == packet::auth_request);
  server.send(packet::auth_ok, 2, none);
  auto asked = server.receive();
  CHECK(asked.type == packet::discover_request);
  // A Python peer answers first, and asks later.
  server.send(packet::discover_response, asked.serial, pickle_of(value::list({"f"})));
  server.send(packet::discover_request, 3, none);
  CHECK(server.receive().type == packet::discover_response); // the REQUEST comes later
  auto called = server.receive();
  CHECK(called.type == packet::request);
  server.send(packet::response, called.serial, pickle_of(12));
  CHECK(ended(waiting) == 12);
  auto peer = node.hostile_peer(); // a node that has accepted a connection does the same
  (void)peer.prove();
  CHECK(peer.receive().type == packet::discover_request);
  peer.send(packet::discover_request, 2, none);
  CHECK(peer.receive().type == packet::discover_response);
  node.check_undisturbed();
}
