#include <patio/protocol/session.hpp>

#include <doctest/doctest.h>

#include <stdexcept>

#include "hex.hpp"
#include "protocol/session_fixture.hpp"

using patio::call_request;
using patio::errc;
using patio::value;
using patio::protocol::packet;

namespace {

call_request calling(std::string name, std::vector<value> args = {}) {
  return {std::move(name), {std::move(args), {}}, {}};
}

patio::protocol::session_options with_limits(patio::limits l) { return {"secret", {"mul"}, l}; }

} // namespace

TEST_CASE("session: login and discovery consist of the expected packets") {
  session_end server{patio::role::server, {"secret", {"mul"}, {}}},
    client{patio::role::client, {"secret", {}, {}}};
  auto challenge = server.sent();
  CHECK(shown(challenge) == lines{"AUTH_DIGEST 1 b'0123456789abcdef'"});
  client.session.receive(challenge);
  auto login = client.sent();
  CHECK(frames_of(login)[0].type == packet::auth_request);
  CHECK(frames_of(login)[0].serial == 1);
  server.session.receive(login);
  auto welcome = server.sent();
  CHECK(shown(welcome) == lines{"AUTH_OK 2 None", "DISCOVER_REQUEST 3 None"});
  client.session.receive(welcome);
  auto told = client.sent();
  CHECK(shown(told)
        == lines{"DISCOVER_REQUEST 2 None",
                 "DISCOVER_RESPONSE 3 []"}); // DISCOVER_REQUEST comes first (F12)
  server.session.receive(told);
  CHECK(server.session.state() == patio::protocol::session::state::ready);
  CHECK(client.session.state() == patio::protocol::session::state::discovery);
  settle(server, client);
  CHECK(server.events.seen == lines{"names", "ready"});
  CHECK(client.events.seen == lines{"names mul", "ready"});
}

TEST_CASE("session: a call ends with the function's result or with its exception") {
  session_pair p;
  p.server.events.when_requested = [&](std::uint32_t serial, const call_request& call) {
    if (call.function == "mul") p.server.answer(serial, value{6});
    else
      p.server.answer(serial, tl::unexpected(patio::remote_error(
                                value::exception("builtins.KeyError", {"k"}, {"note"}))));
  };
  CHECK(p.client.session.request(70, calling("mul", {2, 3})) == 3);
  CHECK(p.client.session.request(71, calling("get")) == 4);
  CHECK(p.client.session.outbound().requests() == 2);
  settle(p.server, p.client);
  CHECK(p.server.events.seen == lines{"request 3 mul(2, 3)", "request 4 get()"});
  CHECK(p.client.events.seen == lines{"result 70 6", "result 71 remote_error: KeyError: 'k'"});
  CHECK(p.client.session.outbound().requests() == 0);
  CHECK(p.server.session.inbound().size() == 0);
}

TEST_CASE("session: REQUEST and ERROR have the recorded bytes") {
  session_pair p;
  REQUIRE(p.client.session.request(1, calling("mul", {2, 3})));
  CHECK(to_hex(p.client.sent())
        == "0a0000006e0000000380059563000000000000008c17706174696f2e62726f6b65722e7463702e62726f6b6"
           "572948c0b43616c6c52657175657374949394298"
           "1947d"
           "94288c0466756e63948c036d756c948c0461726773944b024b0386948c066b7761726773947d948c0774696"
           "d656f7574944e75622e");
  p.server.receive(packet::request, 5, pickled_call("mul"));
  p.server.answer(
    5, tl::unexpected(patio::remote_error(value::exception("builtins.ValueError", {"m"}))));
  CHECK(to_hex(p.server.sent())
        == "1e0000002e0000000580059523000000000000008c086275696c74696e73948c0a56616c75654572726f729"
           "493948c016d94859452942e");
}

TEST_CASE("session: both sides may call at once, and answers may come in any order") {
  session_pair p;
  std::vector<std::uint32_t> waiting;
  p.server.events.when_requested = [&](std::uint32_t serial, const call_request&) {
    waiting.push_back(serial);
  };
  p.client.events.when_requested = [&](std::uint32_t serial, const call_request&) {
    p.client.answer(serial, value{"from client"});
  };
  for (std::uint64_t token = 1; token <= 3; ++token)
    REQUIRE(p.client.session.request(token, calling("mul")));
  REQUIRE(p.server.session.request(9, calling("back")));
  settle(p.server, p.client);
  CHECK(p.server.session.inbound().size() == 3);
  while (!waiting.empty())
    p.server.answer(waiting.back(), value{static_cast<int>(waiting.back())}), waiting.pop_back();
  settle(p.server, p.client);
  CHECK(p.client.events.seen
        == lines{"request 4 back()", "result 3 5", "result 2 4", "result 1 3"});
  CHECK(p.server.events.seen.back() == "result 9 'from client'");
}

TEST_CASE("session: a request is answered once, however often the owner answers") {
  session_pair p;
  p.server.receive(packet::request, 7, pickled_call("mul"));
  p.server.answer(7, value{1});
  p.server.answer(7, value{2});
  p.server.answer(8, value{3});
  CHECK(shown(p.server.sent()) == lines{"RESPONSE 7 1"});
  p.server.events.when_requested = [&](std::uint32_t serial, const call_request&) {
    p.server.answer(serial, value{1});
    p.server.answer(serial, value{2});
  };
  p.server.receive(packet::request, 7, pickled_call("mul"));
  p.server.answer(7, value{3});
  CHECK(shown(p.server.sent()) == lines{"RESPONSE 7 1"});
}

TEST_CASE("session: a request counts as running from the event that announces it") {
  session_pair p;
  bool running = false, after = true;
  p.server.events.when_requested = [&](std::uint32_t serial, const call_request&) {
    running = p.server.session.inbound().is_running(p.server.events.ids[serial]);
    p.server.answer(serial, value{});
    after = p.server.session.inbound().is_running(p.server.events.ids[serial]);
  };
  p.server.receive(packet::request, 7, pickled_call("mul"));
  CHECK(running);
  CHECK_FALSE(after);
}

TEST_CASE("session: requests with serial 0 and with the largest serial are answered under their "
          "serials (F7)") {
  session_pair p;
  p.server.receive(packet::request, 0, pickled_call("mul"));
  p.server.receive(packet::request, 0xffffffff, pickled_call("mul"));
  p.server.answer(0, value{1});
  p.server.answer(0xffffffff, value{2});
  CHECK(shown(p.server.sent()) == lines{"RESPONSE 0 1", "RESPONSE 4294967295 2"});
}

TEST_CASE(
  "session: a second REQUEST under the serial of a running request closes the connection (F7)") {
  session_pair p;
  p.server.receive(packet::request, 7, pickled_call("mul"));
  p.server.receive(packet::request, 7, pickled_call("mul"));
  CHECK(
    p.server.events.seen
    == lines{"request 7 mul()",
             "close protocol: REQUEST (type 10, serial 7) reuses the serial of an open request"});
  p.server.answer(7, value{1});
  CHECK(p.server.sent().empty());
}

TEST_CASE(
  "session: an oversize REQUEST under the serial of a running request closes the connection") {
  session_pair p{with_limits({.frame_bytes = 200})};
  p.server.receive(packet::request, 7, pickled_call("mul"));
  p.server.receive(packet::request, 7, std::string(201, 'x'));
  CHECK(p.server.closed());
  CHECK(p.server.sent().empty());
}

TEST_CASE("session: unexpected answers are counted, and the count falls by a hundred a minute") {
  session_pair p;
  for (int i = 0; i < 100; ++i) p.client.receive(packet::response, 10'000, pickled_none);
  CHECK(p.client.events.seen.empty());
  CHECK(p.client.session.outbound().ignored() == 100);
  p.client.session.outbound().forgive();
  for (int i = 0; i < 100; ++i) p.client.receive(packet::error, 10'000, pickled_none);
  CHECK_FALSE(p.client.closed());
  p.client.receive(packet::response, 10'000, pickled_none);
  CHECK(p.client.events.seen == lines{"close protocol: too many answers that nobody waits for"});
}

TEST_CASE("session: a second answer to a request counts as unexpected (F7)") {
  session_pair p;
  REQUIRE(p.client.session.request(1, calling("mul")));
  p.client.receive(packet::response, 3, pickled(6));
  p.client.receive(packet::response, 3, pickled(7));
  p.client.receive(packet::error, 3, pickled(8));
  CHECK(p.client.events.seen == lines{"result 1 6"});
  CHECK(p.client.session.outbound().ignored() == 2);
}

TEST_CASE("session: late answers to abandoned requests do not violate the protocol") {
  session_pair p{{"secret", {"mul"}, {}}, {"secret", {}, {.unknown_serials = 0}}};
  for (std::uint64_t token = 0; token < 1000; ++token) {
    auto serial = p.client.session.request(token, calling("mul")).value();
    p.client.session.abandon(serial, {errc::timeout, "late", {}});
    p.client.session.abandon(serial, {errc::timeout, "again", {}});
    CHECK(p.client.events.news()
          == lines{"result " + std::to_string(token) + " timeout: no answer in time: late"});
  }
  for (std::uint32_t serial = 3; serial < 1003; ++serial)
    p.client.receive(packet::response, serial, pickled_none);
  CHECK_FALSE(p.client.closed());
  p.client.receive(packet::response, 3, pickled_none);
  CHECK(p.client.closed());
}

TEST_CASE("session: an answer of the wrong type for its serial closes the connection") {
  session_pair p;
  p.client.session.probe(5);
  (void)p.client.sent();
  p.client.receive(packet::response, 3, pickled_none);
  CHECK(p.client.events.seen
        == lines{"lost ping 5 maybe_executed",
                 "close protocol: RESPONSE (type 20, serial 3) does not answer a REQUEST"});
  session_pair q;
  REQUIRE(q.client.session.request(1, calling("mul")));
  q.client.receive(packet::discover_response, 3, pickled(value::list({})));
  CHECK(q.client.closed());
  CHECK(q.client.events.seen.size() == 2);
  CHECK(q.client.events.seen[0].starts_with("result 1 protocol"));
}

TEST_CASE("session: a ping is answered with the names, at any time (F8)") {
  session_pair p;
  p.client.session.probe(5);
  p.client.session.probe(6);
  settle(p.server, p.client);
  CHECK(p.client.events.seen == lines{"names mul", "pong 5", "names mul", "pong 6"});
  CHECK(p.server.events.seen.empty());
}
