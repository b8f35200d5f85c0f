// A session whose node goes away, and the session of its peer.
#include <patio/protocol/session.hpp>

#include <doctest/doctest.h>

#include "hex.hpp"
#include "protocol/session_fixture.hpp"

using patio::errc;
using patio::value;
using patio::protocol::packet;

namespace {

struct leaving_pair : session_pair {
  explicit leaving_pair(
    const patio::protocol::extensions& of_client = patio::protocol::all_extensions)
      : session_pair{patio::protocol::all_extensions, of_client} {}
};

patio::call_request mul() { return {"mul", {}, {}}; }

} // namespace

TEST_CASE("session: going away sends LEAVING, and the goodbye is agreed when LEAVING_OK arrives") {
  leaving_pair p;
  p.server.session.go_away();
  CHECK_FALSE(p.server.session.status().goodbye == patio::protocol::goodbye::agreed);
  auto told = p.server.sent();
  CHECK(to_hex(told) == "32000000040000000480054e2e");
  p.client.session.receive(told);
  CHECK(p.client.events.seen == lines{"leaving"});
  CHECK(p.client.session.status().peer_went_away);
  auto answer = p.client.sent();
  CHECK(to_hex(answer) == "33000000040000000480054e2e");
  p.server.session.receive(answer);
  CHECK(p.server.session.status().goodbye == patio::protocol::goodbye::agreed);
  CHECK(p.server.events.seen.empty());
}

TEST_CASE(
  "session: a peer without the extension is sent no LEAVING, and the goodbye is agreed at once") {
  for (auto theirs : {patio::protocol::extensions{},
                      patio::protocol::extensions{.cancel = true, .endings = true}}) {
    leaving_pair p{theirs};
    p.server.session.go_away();
    CHECK(p.server.sent().empty());
    CHECK(p.server.session.status().goodbye == patio::protocol::goodbye::agreed);
    CHECK(is_drained(p.server.session));
  }
}

TEST_CASE(
  "session: going away sends no LEAVING before the connection is ready or after it is closed") {
  session_end server{patio::role::server, {"secret", {}, {}, patio::protocol::all_extensions}};
  (void)server.sent();
  server.session.go_away();
  server.receive(packet::auth_request, 1,
                 patio::protocol::login_answer(patio::protocol::login_challenge(test_token),
                                               "secret", test_salt));
  (void)server.sent();
  server.session.go_away();
  CHECK(server.sent().empty());
  CHECK_FALSE(server.session.status().goodbye == patio::protocol::goodbye::agreed);
  leaving_pair p;
  p.server.session.close({errc::shut_down, "over", {}});
  p.server.session.go_away();
  CHECK(p.server.sent().empty());
}

TEST_CASE("session: a peer that goes away is sent no more requests, and the calls in flight go on "
          "in both directions") {
  leaving_pair p;
  REQUIRE(p.client.session.request(1, mul()));
  settle(p.server, p.client);
  p.server.session.go_away();
  REQUIRE(p.server.session.request(2, mul()));
  settle(p.server, p.client);
  auto refused = p.client.session.request(3, mul());
  REQUIRE_FALSE(refused);
  CHECK(refused.error() == patio::error{errc::not_sent, "the peer is shutting down", {}});
  CHECK(p.client.sent().empty());
  CHECK(p.client.session.outbound().requests() == 1);
  p.server.answer(3, value{6});
  p.client.answer(5, value{7});
  settle(p.server, p.client);
  CHECK(p.client.events.seen == lines{"leaving", "request 5 mul()", "result 1 6"});
  CHECK(p.server.events.seen == lines{"request 3 mul()", "result 2 7"});
}

TEST_CASE("session: LEAVING_OK follows the last request, which still reaches the owner") {
  leaving_pair p;
  p.server.session.go_away();
  REQUIRE(p.client.session.request(1, mul()));
  p.client.session.receive(p.server.sent());
  auto last = p.client.sent();
  CHECK(shown(last) == lines{"REQUEST 3 mul()", "LEAVING_OK 4 None"});
  p.server.session.receive(last.substr(0, last.size() - 1));
  CHECK(p.server.events.seen == lines{"request 3 mul()"});
  CHECK_FALSE(p.server.session.status().goodbye == patio::protocol::goodbye::agreed);
  p.server.session.receive(last.substr(last.size() - 1));
  CHECK(p.server.session.status().goodbye == patio::protocol::goodbye::agreed);
}

TEST_CASE("session: the handler of peer_went_away cannot make a request") {
  leaving_pair p;
  bool refused = false;
  p.client.events.when_leaving = [&] { refused = !p.client.session.request(1, mul()); };
  p.server.session.go_away();
  p.client.session.receive(p.server.sent());
  CHECK(refused);
  CHECK(shown(p.client.sent()) == lines{"LEAVING_OK 4 None"});
}

TEST_CASE("session: each LEAVING is answered, and the owner is told once") {
  leaving_pair p;
  p.client.receive(packet::leaving, 40, pickled_none);
  p.client.receive(packet::leaving, 0, pickled_none);
  CHECK(shown(p.client.sent()) == lines{"LEAVING_OK 40 None", "LEAVING_OK 0 None"});
  CHECK(p.client.events.seen == lines{"leaving"});
}

TEST_CASE("session: both peers may go away at the same time") {
  leaving_pair p;
  p.server.session.go_away();
  p.client.session.go_away();
  settle(p.server, p.client);
  CHECK(is_drained(p.server.session));
  CHECK(is_drained(p.client.session));
  CHECK(p.server.events.seen == lines{"leaving"});
  CHECK(p.client.events.seen == lines{"leaving"});
}

TEST_CASE("session: a session is drained when the goodbye is agreed and no call is in flight in "
          "either direction") {
  leaving_pair p;
  CHECK_FALSE(is_drained(p.server.session)); // a request may be in flight
  p.server.receive(packet::request, 7, pickled_call("mul"));
  REQUIRE(p.server.session.request(1, mul()));
  p.server.session.go_away();
  CHECK_FALSE(is_drained(p.server.session));
  p.server.receive(packet::leaving_ok, 5, pickled_none);
  CHECK(p.server.session.status().goodbye == patio::protocol::goodbye::agreed);
  CHECK_FALSE(is_drained(p.server.session));
  p.server.answer(7, value{});
  CHECK_FALSE(is_drained(p.server.session));
  p.server.receive(packet::response, 4, pickled_none);
  CHECK(is_drained(p.server.session));
}

TEST_CASE("session: a session counts as drained during the login and after its close, but not "
          "during discovery") {
  session_end server{patio::role::server, {"secret", {}, {}}};
  CHECK(is_drained(server.session));
  server.receive(packet::auth_request, 1,
                 patio::protocol::login_answer(patio::protocol::login_challenge(test_token),
                                               "secret", test_salt));
  CHECK(server.session.state() == patio::protocol::session::state::discovery);
  CHECK_FALSE(is_drained(server.session));
  server.session.close({errc::shut_down, "over", {}});
  CHECK(is_drained(server.session));
}

TEST_CASE("session: a wrong answer to LEAVING closes the connection, and the owner is told once") {
  for (auto [type, payload] : {std::pair{packet::response, pickled_none},
                               {packet::discover_response, pickled(value::list({}))}}) {
    leaving_pair p;
    p.server.session.go_away();
    p.server.receive(type, 4, payload);
    REQUIRE(p.server.events.seen.size() == 1);
    CHECK(p.server.events.seen[0].starts_with("close protocol: "));
    CHECK_FALSE(p.server.session.status().goodbye == patio::protocol::goodbye::agreed);
  }
}

TEST_CASE(
  "session: a LEAVING_OK with the serial of a request closes the connection and ends the request") {
  leaving_pair p;
  REQUIRE(p.server.session.request(1, mul()));
  (void)p.server.sent();
  p.server.receive(packet::leaving_ok, 4, pickled_none);
  REQUIRE(p.server.events.seen.size() == 2);
  CHECK(p.server.events.seen[0].starts_with("result 1 maybe_executed"));
  CHECK(p.server.events.seen[1] == "close protocol: unexpected LEAVING_OK (type 51, serial 4)");
}

TEST_CASE(
  "session: a probe asks for names, is not repeated before its answer, and ends without a pong") {
  leaving_pair p;
  p.client.session.probe();
  p.client.session.probe();
  CHECK(p.client.session.status().is_probing);
  CHECK(shown(p.client.sent())
        == lines{
          "DISCOVER_REQUEST 3 {'patio': {'extensions': ['cancel', 'leaving', 'endings', 'credit', "
          "'describe'], 'version': 1}}"});
  p.client.receive(packet::discover_response, 3, pickled(value::list({"new"})));
  CHECK_FALSE(p.client.session.status().is_probing);
  CHECK(p.client.events.seen == lines{"names new"});
  p.client.session.probe();
  CHECK(frames_of(p.client.sent()).size() == 1);
  p.client.session.close({errc::shut_down, "over", {}});
  CHECK(p.client.events.seen == lines{"names new", "close shut_down: over"});
}

TEST_CASE("session: going away twice sends LEAVING once") {
  leaving_pair p;
  p.server.session.go_away();
  p.server.session.go_away();
  CHECK(shown(p.server.sent()) == lines{"LEAVING 4 None"});
}
