// What a node that dials may be told by whom it has dialled, frame by frame.
#include <doctest/doctest.h>

#include <optional>

#include <patio/protocol/login.hpp>

#include "hostile.hpp"
#include "protocol/session_fixture.hpp"

using namespace patio;
using namespace patio::protocol;
using namespace patio::tests;

TEST_CASE("F1 every prefix of a challenge and of what follows it, then an end or a reset, ends the "
          "dialling and leaves nothing") {
  town t{patient()};
  std::optional<raw_listener> door{std::in_place};
  auto stop_short = [&](const std::string& before, const std::string& bytes, bool reset) {
    auto login = patio::connect(t.server.broker(), door->where().host, door->where().port,
                                {.until_connected = false});
    auto peer = door->accept();
    peer.send_bytes(before);
    if (!before.empty()) CHECK(peer.receive().type == packet::auth_request);
    peer.send_bytes(bytes);
    if (reset) {
      peer.reset();
    } else {
      peer.half_close();
      peer.await_close();
    }
    auto outcome = ended(login);
    REQUIRE_FALSE(outcome);
    bool cut_at_once =
      reset && before.empty()
      && outcome.error().code == errc::connect_failed; // before the node has seen it open
    CHECK((outcome.error().code == errc::login_refused || cut_at_once));
  };
  auto challenge = framed(packet::auth_digest, 1, login_challenge("0123456789abcdef")),
       welcome = framed(packet::auth_ok, 2, none);
  for (bool reset : {false, true}) {
    for (std::size_t n = 0; n < challenge.size(); ++n)
      stop_short("", challenge.substr(0, n), reset);
    for (std::size_t n = 0; n < welcome.size(); ++n)
      stop_short(challenge, welcome.substr(0, n), reset);
  }
  door.reset();
  t.check_nothing_left();
  t.check_undisturbed();
}

TEST_CASE("F7 answers before, again and behind the answer do not reach the calls of others") {
  town t{patient()};
  raw_listener door;
  auto login = patio::connect(t.server.broker(), door.where().host, door.where().port);
  auto odd = door.accept();
  odd.log_in_as_server({"f"});
  REQUIRE(ended(login));
  auto a_value = [](int n) { return pickle_of(n); };
  for (std::uint32_t serial = 1; serial < 20; ++serial)
    odd.send(packet::response, serial + 3, a_value(666)); // before any REQUEST of the node's
  for (int i = 0; i < 3; ++i) {
    auto answer = call<std::int64_t>(t.server.broker(), "f");
    auto serial = odd.receive().serial;
    odd.send(packet::response, serial, a_value(i));
    odd.send(packet::response, serial, a_value(667));
    odd.send(packet::error, serial, pickle_of(value::exception("builtins.ValueError", {"again"})));
    CHECK(ended(answer) == i);
  }
  t.check_undisturbed();
}

TEST_CASE("F12 a node asks for names before it tells its own, and calls only after both") {
  town t{patient()};
  raw_listener door;
  auto login = patio::connect(t.server.broker(), door.where().host, door.where().port);
  auto waiting = call<std::int64_t>(t.server.broker(), "f"); // as soon as somebody serves it
  auto odd = door.accept();
  odd.send(packet::auth_digest, 1, login_challenge("0123456789abcdef"));
  CHECK(odd.receive().type == packet::auth_request);
  odd.send(packet::auth_ok, 2, none);
  auto asked = odd.receive();
  CHECK(asked.type == packet::discover_request);
  odd.send(packet::discover_response, asked.serial,
           pickle_of(value::list({"f"}))); // a Python peer takes its time to ask
  odd.send(packet::discover_request, 3, none);
  CHECK(odd.receive().type == packet::discover_response); // no REQUEST was sent before
  auto called = odd.receive();
  CHECK(called.type == packet::request);
  odd.send(packet::response, called.serial, pickle_of(12));
  CHECK(ended(waiting) == 12);
  auto peer = t.stranger(); // as a server it does the same
  (void)peer.prove();
  CHECK(peer.receive().type == packet::discover_request);
  peer.send(packet::discover_request, 2, none);
  CHECK(peer.receive().type == packet::discover_response);
  t.check_undisturbed();
}
