// Payloads that the owner decodes. Later frames wait for the decoded payload, and events during the
// decoding stay in effect.
#include <patio/protocol/session.hpp>

#include <doctest/doctest.h>

#include <deque>

#include "protocol/session_fixture.hpp"

using patio::errc;
using patio::value;
using patio::protocol::packet;

namespace {

/// The test decodes payloads of more than 150 bytes, at a time of its choice.
patio::protocol::session_options apart(std::vector<std::string> names) {
  patio::protocol::session_options o{
    "secret", std::move(names), {}, patio::protocol::all_extensions};
  o.decode_apart = 150;
  return o;
}

/// A serving session and a calling session, whose owner decodes large payloads.
struct apart_pair : session_pair {
  apart_pair() : session_pair{apart({"mul"}), apart({})} {}
};

const std::string large_call = pickled_call("mul", {value{std::string(100, 'x')}});

const std::string large_result = pickled(value{std::string(200, 'x')});

/// Decodes the oldest waiting payload, as an owner does. Returns false if no payload waits.
bool decode(session_end& s) {
  if (s.events.undecoded.empty()) return false;
  auto job = std::move(s.events.undecoded.front());
  s.events.undecoded.pop_front();
  job->run();
  s.session.decoded(*job);
  return true;
}

} // namespace

TEST_CASE(
  "session: a small payload is decoded at once, and a large payload is decoded by the owner") {
  apart_pair p;
  p.server.receive(packet::request, 7, pickled_call("f"));
  CHECK(p.server.events.news().size() == 1);
  p.server.receive(packet::request, 8, large_call);
  CHECK(p.server.events.news() == lines{});
  CHECK(p.server.session.status().is_decoding);
  CHECK(decode(p.server));
  CHECK_FALSE(p.server.session.status().is_decoding);
  CHECK(p.server.events.news() == lines{"request 8 mul('" + std::string(100, 'x') + "',)"});
}

TEST_CASE("session: the owner may refuse a large request instead of decoding it, and the next "
          "request is served") {
  apart_pair p;
  p.server.receive(packet::request, 7, large_call);
  p.server.events.undecoded.front()->refuse({errc::overloaded, "overloaded: too much of this", {}});
  p.server.session.decoded(*p.server.events.undecoded.front());
  p.server.events.undecoded.pop_front();
  CHECK(shown(p.server.sent()).at(0).starts_with("ERROR 7 "));
  CHECK(p.server.events.news() == lines{"log REQUEST 7 refused: overloaded: too much of this"});
  p.server.receive(packet::request, 8, pickled_call("f"));
  CHECK(p.server.events.news() == lines{"request 8 f()"});
}

TEST_CASE("session: frames behind a large payload keep their order") {
  apart_pair p;
  auto pieces = framed(packet::request, 7, large_call) + framed(packet::cancel, 7, "\x80\x05N.")
                + framed(packet::request, 8, large_call)
                + framed(packet::request, 9, pickled_call("f"));
  SUBCASE("in one piece") { p.server.session.receive(pieces); }
  SUBCASE("byte by byte") {
    for (char c : pieces) p.server.session.receive({&c, 1});
  }
  CHECK(p.server.events.news() == lines{});
  CHECK(decode(p.server));
  auto first = p.server.events.news();
  REQUIRE(first.size() == 2);
  CHECK(first[0].starts_with("request 7"));
  CHECK(first[1] == "cancel 7");
  CHECK(decode(p.server));
  auto second = p.server.events.news();
  REQUIRE(second.size() == 2);
  CHECK(second[0].starts_with("request 8"));
  CHECK(second[1].starts_with("request 9"));
  CHECK_FALSE(decode(p.server));
}

TEST_CASE("session: a large payload that is not a valid pickle is refused like a small one") {
  apart_pair p;
  p.server.receive(packet::request, 7, large_call.substr(0, 160));
  CHECK(decode(p.server));
  CHECK(shown(p.server.sent()).front().starts_with("ERROR 7"));
  auto serial = p.client.session.request(1, {"mul", {}, {}});
  REQUIRE(serial);
  p.client.receive(packet::response, *serial, large_result.substr(0, 160));
  REQUIRE(decode(p.client));
  CHECK(p.client.events.news().front().starts_with("result 1 undecodable"));
}

TEST_CASE("session: a call that ends while its answer is being decoded ends once, and its answer "
          "counts as late") {
  apart_pair p;
  auto serial = p.client.session.request(1, {"mul", {}, {}});
  REQUIRE(serial);
  p.client.receive(packet::response, *serial, large_result);
  CHECK(p.client.session.status().is_decoding);
  p.client.session.abandon(*serial, {errc::timeout, "", {}});
  CHECK(p.client.events.news() == lines{"result 1 timeout: no answer in time"});
  CHECK(decode(p.client));
  CHECK(p.client.events.news() == lines{});
  CHECK(p.client.session.outbound().ignored() == 1);
  CHECK_FALSE(p.client.closed());
}

TEST_CASE("session: a session that is closed while a payload is being decoded ends its calls at "
          "once and ignores the payload") {
  apart_pair p;
  auto serial = p.client.session.request(1, {"mul", {}, {}});
  p.client.receive(packet::response, *serial, large_result);
  p.client.session.close({errc::shut_down, "over", {}});
  CHECK(p.client.events.news().size() == 2);
  CHECK(decode(p.client));
  CHECK(p.client.events.news() == lines{});
}

TEST_CASE("session: unexpected answers are not decoded") {
  apart_pair p;
  p.client.receive(packet::response, 77, large_result);
  CHECK_FALSE(p.client.session.status().is_decoding);
  CHECK(p.client.session.outbound().ignored() == 1);
}

TEST_CASE("session: a payload that is not decoded because memory runs out closes the connection") {
  apart_pair p;
  p.server.receive(packet::request, 7, large_call);
  REQUIRE(p.server.events.undecoded.size() == 1);
  p.server.session.decoded(*p.server.events.undecoded.front());
  CHECK(p.server.closed());
  CHECK(p.server.events.news()
        == lines{"close protocol: no memory to decode REQUEST (type 10, serial 7)"});
}

TEST_CASE("session: a session is not drained while a payload is being decoded") {
  apart_pair p;
  p.server.session.go_away();
  settle(p.server, p.client);
  CHECK(is_drained(p.server.session));
  p.server.receive(packet::request, 7, large_call);
  CHECK_FALSE(is_drained(p.server.session));
}

TEST_CASE("session: a result that was pickled elsewhere is sent, and a result that cannot be "
          "pickled is answered with an ERROR") {
  session_pair p;
  for (std::uint32_t serial : {7u, 8u, 9u})
    p.server.receive(packet::request, serial, pickled_call("mul"));
  p.server.session.answer_pickled(p.server.events.ids[7], pickled(42));
  p.server.session.answer_pickled(p.server.events.ids[8],
                                  patio::fail(errc::invalid, "no such type"));
  p.server.session.answer_pickled(
    p.server.events.ids[9], patio::fail(errc::invalid, patio::limit::frame_bytes, "too long"));
  p.server.session.answer_pickled(p.server.events.ids[7], pickled(43)); // answered already
  CHECK(shown(p.server.sent())
        == lines{"RESPONSE 7 42", "ERROR 8 ValueError('the result cannot be sent: no such type')",
                 "ERROR 9 ValueError('the result cannot be sent: it is over the frame limit')"});
  CHECK(p.server.session.inbound().size() == 0);
}
