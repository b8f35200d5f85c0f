// Input that a session refuses while the connection stays open, and the end of calls when the
// connection closes.
#include <patio/protocol/session.hpp>

#include <doctest/doctest.h>

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

/// A server that answers every request with None.
void answer_all(session_end& server) {
  server.events.when_requested = [&server](std::uint32_t serial, const call_request&) {
    server.answer(serial, value{});
  };
}

std::string only_line(const lines& all) {
  REQUIRE(all.size() == 1);
  return all[0];
}

} // namespace

TEST_CASE(
  "session: an undecodable REQUEST is answered, and the next frame is in step (F5, F6, F10)") {
  session_pair p;
  answer_all(p.server);
  auto call = pickled_call("mul");
  for (const auto& bad :
       {std::string{}, std::string{"\x80\x05"}, call.substr(0, call.size() - 1), pickled(5),
        pickled(value::dict({})), pickled_none, from_hex("80048c026f738c0673797374656d932e")}) {
    p.server.receive(packet::request, 5, bad);
    CHECK(
      only_line(shown(p.server.sent())).starts_with("ERROR 5 ValueError('undecodable request: "));
    CHECK(p.server.events.news().at(0).starts_with("log REQUEST 5 refused: "));
    p.server.receive(packet::request, 6, call);
    CHECK(shown(p.server.sent()) == lines{"RESPONSE 6 None"});
    CHECK(p.server.events.news() == lines{"request 6 mul()"});
  }
}

TEST_CASE("session: bytes after the pickle's end are ignored (F6)") {
  session_pair p;
  REQUIRE(p.client.session.request(1, calling("mul")));
  p.client.receive(packet::response, 3, from_hex("804e2e47415242414745").insert(1, "\x04"));
  CHECK(p.client.events.seen == lines{"result 1 None"});
}

TEST_CASE("session: bytes after the pickle's end are refused if there are more than "
          "pickle_trailing_bytes allows (F6)") {
  session_pair p{with_limits({.pickle = {.trailing_bytes = 0}})};
  answer_all(p.server);
  auto call = pickled_call("mul");
  p.server.receive(packet::request, 5, call + "GARBAGE");
  p.server.receive(packet::request, 6, call);
  CHECK(shown(p.server.sent())
        == lines{"ERROR 5 ValueError('undecodable request: byte " + std::to_string(call.size() - 1)
                   + ": 7 bytes follow the end of the pickle; at most 0 may')",
                 "RESPONSE 6 None"});
}

TEST_CASE("session: an oversize REQUEST is answered with ERROR and skipped in any pieces, and the "
          "connection stays open") {
  session_pair p{with_limits({.frame_bytes = 300, .skipped_frame_bytes = 100'000})};
  answer_all(p.server);
  auto stream = framed(packet::request, 5, std::string(50'000, 'x'))
                + framed(packet::request, 6, pickled_call("mul"));
  for (std::size_t at = 0; at < stream.size(); at += 777)
    p.server.session.receive(stream.substr(at, 777));
  CHECK(shown(p.server.sent())
        == lines{"ERROR 5 ValueError('a frame of 50000 bytes is over the limit of 300')",
                 "RESPONSE 6 None"});
  CHECK(p.server.events.seen
        == lines{"log REQUEST (type 10, serial 5) of 50000 bytes is over the limit of 300",
                 "request 6 mul()"});
}

TEST_CASE("session: an oversize answer ends its call, and the connection stays open") {
  session_pair p{with_limits({}),
                 with_limits({.frame_bytes = 300, .skipped_frame_bytes = 100'000})};
  REQUIRE(p.client.session.request(1, calling("mul")));
  REQUIRE(p.client.session.request(2, calling("mul")));
  p.client.receive(packet::response, 3, std::string(301, 'x'));
  CHECK(p.client.events.news()[0]
        == "result 1 undecodable: the data cannot be accepted: a frame of 301 bytes is over the "
           "limit of 300");
  p.client.receive(packet::response, 4, pickled(7));
  CHECK(p.client.events.seen == lines{"result 2 7"});
}

TEST_CASE("session: unexpected oversize answers are counted like other unexpected answers") {
  session_pair p{with_limits({}), with_limits({.frame_bytes = 300, .unknown_serials = 3})};
  for (int i = 0; i < 3; ++i) p.client.receive(packet::response, 99, std::string(301, 'x'));
  CHECK_FALSE(p.client.closed());
  p.client.receive(packet::response, 99, std::string(301, 'x'));
  CHECK(p.client.closed());
}

TEST_CASE("session: an oversize list of names ends the connection and the ping") {
  session_pair p{with_limits({}), with_limits({.frame_bytes = 300})};
  p.client.session.probe(5);
  p.client.receive(packet::discover_response, 3, std::string(301, 'x'));
  CHECK(p.client.events.seen.size() == 2);
  CHECK(p.client.events.seen[0].starts_with("lost ping 5"));
  CHECK(p.client.closed());
}

TEST_CASE(
  "session: a REQUEST that is too large to skip is answered with ERROR and closes the connection") {
  session_pair p{with_limits({.frame_bytes = 300, .skipped_frame_bytes = 1000})};
  p.server.session.receive(framed(packet::request, 5, std::string(1001, 'x')).substr(0, 9));
  CHECK(
    p.server.events.seen
    == lines{"close protocol: REQUEST (type 10, serial 5) of 1001 bytes is over the limit of 300"});
  CHECK(shown(p.server.sent())
        == lines{"ERROR 5 ValueError('a frame of 1001 bytes is over the limit of 300')"});
}

TEST_CASE("session: an undecodable answer ends only its own call") {
  session_pair p;
  for (std::uint64_t token = 1; token <= 5; ++token)
    REQUIRE(p.client.session.request(token, calling("mul")));
  p.client.receive(packet::response, 3, "");
  p.client.receive(packet::response, 4, from_hex("80048c026f738c0673797374656d932e"));
  p.client.receive(packet::error, 5, pickled(5));
  p.client.receive(packet::error, 6,
                   from_hex("80048c0473686f708c05456d70747993292e").insert(17, "R"));
  p.client.receive(packet::response, 7, pickled(7));
  lines results;
  for (const auto& line : p.client.events.seen)
    if (line.starts_with("result")) results.push_back(line.substr(0, line.find(':')));
  CHECK(results
        == lines{"result 1 undecodable", "result 2 undecodable", "result 3 undecodable",
                 "result 4 remote_error", "result 5 7"});
}

TEST_CASE("session: requests beyond the limit of running requests are refused at once") {
  session_pair p{with_limits({.inbound_calls = 2})};
  for (std::uint32_t serial = 5; serial <= 7; ++serial)
    p.server.receive(packet::request, serial, pickled_call("mul"));
  CHECK(
    shown(p.server.sent())
    == lines{"ERROR 7 RuntimeError('overloaded: 2 calls from this connection are unanswered')"});
  p.server.answer(5, value{});
  p.server.receive(packet::request, 8, pickled_call("mul"));
  CHECK(p.server.session.inbound().size() == 2);
  CHECK(shown(p.server.sent()) == lines{"RESPONSE 5 None"});
}

TEST_CASE("session: long names and many keywords are refused") {
  session_pair p{with_limits({.name_bytes = 10, .keywords_per_call = 1})};
  p.server.receive(packet::request, 5, pickled_call("eleven char"));
  std::string payload;
  REQUIRE(patio::write_call_request({"mul", {{}, {{"a", 1}, {"b", 2}}}, {}}, payload));
  p.server.receive(packet::request, 6, payload);
  CHECK(shown(p.server.sent())
        == lines{"ERROR 5 ValueError(\"the function's name has more than 10 bytes\")",
                 "ERROR 6 ValueError('more than 1 keyword arguments')"});
  CHECK(p.server.events.seen
        == lines{"log REQUEST 5 refused: the function's name has more than 10 bytes",
                 "log REQUEST 6 refused: more than 1 keyword arguments"});
}

TEST_CASE("session: calls beyond the limit of waiting calls are refused before they are sent") {
  session_pair p{with_limits({}), with_limits({.outbound_calls = 2})};
  for (std::uint64_t token : {1u, 2u}) REQUIRE(p.client.session.request(token, calling("mul")));
  (void)p.client.sent();
  auto third = p.client.session.request(3, calling("mul"));
  REQUIRE_FALSE(third);
  CHECK(third.error().code == errc::overloaded);
  CHECK(p.client.sent().empty());
}

TEST_CASE("session: arguments that cannot be sent fail the call and leave the session unchanged") {
  session_pair p{with_limits({}), with_limits({.frame_bytes = 1000})};
  auto too_long = p.client.session.request(1, calling("mul", {std::string(1000, 'x')}));
  REQUIRE_FALSE(too_long);
  CHECK(too_long.error()
        == patio::error{errc::invalid,
                        "the arguments are over the frame limit of 1000 bytes",
                        {},
                        patio::limit::frame_bytes});
  auto no_text = p.client.session.request(1, calling("mul", {"\xff"}));
  REQUIRE_FALSE(no_text);
  CHECK(no_text.error().code == errc::invalid);
  CHECK(p.client.session.outbound().requests() == 0);
  CHECK(p.client.sent().empty());
  REQUIRE(p.client.session.request(2, calling("mul")));
}

TEST_CASE("session: results and errors that cannot be sent are answered with an ERROR that can") {
  session_pair p{with_limits({.frame_bytes = 300})};
  auto answer = [&](const patio::result<value>& r) {
    p.server.receive(packet::request, 5, pickled_call("mul"));
    p.server.answer(5, r);
    return only_line(shown(p.server.sent()));
  };
  auto raise = [&](const value& e) { return answer(tl::unexpected(patio::remote_error(e))); };
  CHECK(answer(value{std::string(300, 'x')})
        == "ERROR 5 ValueError('the result cannot be sent: it is over the frame limit')");
  CHECK(answer(value{"\xff"})
        == "ERROR 5 ValueError('the result cannot be sent: a text is not UTF-8')");
  CHECK(raise(value::exception("builtins.StopIteration", {1}))
        == "ERROR 5 RuntimeError('StopIteration: 1')");
  CHECK(raise(value::exception("builtins.ValueError", {"caf\xe9"}))
        == "ERROR 5 RuntimeError(\"ValueError('caf\\\\udce9')\")");
  CHECK(raise(value::exception("builtins.ValueError", {std::string(300, 'x')}))
          .starts_with("ERROR 5 RuntimeError(\"ValueError('xxx"));
}

TEST_CASE("session: a request is not_sent until a byte of it has been sent, then maybe_executed") {
  for (std::size_t sent_bytes : {0u, 1u, 60u, 130u, 200u}) {
    session_pair p;
    auto before = p.client.session.output().bytes().size();
    REQUIRE(before == 0);
    std::uint64_t start = 0;
    REQUIRE(p.client.session.request(1, calling("mul")));
    auto first = p.client.session.output().bytes().size();
    REQUIRE(p.client.session.request(2, calling("mul")));
    auto all = p.client.sent();
    // Counts the bytes of login and discovery, which precede the calls.
    session_end counted{patio::role::client, {"secret", {}, {}}};
    start = patio::protocol::frame_header::size_on_wire * 3
            + patio::protocol::login_answer(patio::protocol::login_challenge(test_token), "secret",
                                            test_salt)
                .size()
            + 4 + pickled(value::list({})).size();
    p.client.session.close({errc::maybe_executed, "gone", {}}, start + sent_bytes);
    auto fate = [&](std::size_t begins) {
      return sent_bytes > begins ? "maybe_executed" : "not_sent";
    };
    REQUIRE(p.client.events.seen.size() == 3);
    CHECK(p.client.events.seen[0].starts_with(std::string{"result 1 "} + fate(0)));
    CHECK(p.client.events.seen[1].starts_with(std::string{"result 2 "} + fate(first)));
    CHECK(p.client.events.seen[2] == "close maybe_executed: gone");
  }
}

TEST_CASE("session: bytes that the owner has taken count as possibly sent unless the owner says "
          "otherwise") {
  session_pair p;
  REQUIRE(p.client.session.request(1, calling("mul")));
  (void)p.client.sent();
  REQUIRE(p.client.session.request(2, calling("mul")));
  p.client.receive(packet::auth_ok, 1, "");
  REQUIRE(p.client.events.seen.size() == 3);
  CHECK(p.client.events.seen[0].starts_with("result 1 maybe_executed"));
  CHECK(p.client.events.seen[1].starts_with("result 2 not_sent"));
}

TEST_CASE("session: a request that ends as not_sent is removed from the final output") {
  session_pair p{with_limits({.frame_bytes = 300, .skipped_frame_bytes = 1000})};
  p.server.receive(packet::request, 5, pickled_call("mul"));
  REQUIRE(p.server.session.request(1, calling("back")));
  p.server.answer(5, value{1});
  REQUIRE(p.server.session.request(2, calling("back")));
  p.server.session.receive(framed(packet::request, 6, std::string(1001, 'x')).substr(0, 9));
  REQUIRE(p.server.events.seen.size() == 4);
  CHECK(p.server.events.seen[1].starts_with("result 1 not_sent"));
  CHECK(p.server.events.seen[2].starts_with("result 2 not_sent"));
  CHECK(shown(p.server.sent())
        == lines{"RESPONSE 5 1",
                 "ERROR 6 ValueError('a frame of 1001 bytes is over the limit of 300')"});
}

TEST_CASE("session: a closed session refuses requests and sends nothing") {
  session_pair p;
  p.client.session.close({errc::shut_down, "over", {}});
  p.client.session.close({errc::shut_down, "over again", {}});
  auto r = p.client.session.request(1, calling("mul"));
  REQUIRE_FALSE(r);
  CHECK(r.error().code == errc::not_sent);
  p.client.answer(7, value{});
  p.client.session.abandon(3, {errc::cancelled, "", {}});
  CHECK(p.client.events.seen == lines{"close shut_down: over"});
  CHECK(p.client.sent().empty());
}

TEST_CASE("session: an owner may close the session while it handles any event, and the close is "
          "the last event") {
  auto closing = [](session_end& end) {
    return [&end] { end.session.close({errc::shut_down, "enough", {}}); };
  };
  session_pair p;
  p.server.events.when_requested = [&](std::uint32_t serial, const call_request&) {
    closing(p.server)();
    p.server.answer(serial, value{1});
  };
  p.server.session.receive(framed(packet::request, 5, pickled_call("mul"))
                           + framed(packet::request, 6, pickled_call("mul")));
  CHECK(p.server.events.seen == lines{"request 5 mul()", "close shut_down: enough"});
  CHECK(p.server.sent().empty());

  session_pair q;
  q.client.events.when_names = closing(q.client);
  q.client.session.probe(1);
  settle(q.server, q.client);
  CHECK(q.client.events.seen == lines{"names mul", "pong 1", "close shut_down: enough"});

  session_pair r{with_limits({}), with_limits({.frame_bytes = 300})};
  REQUIRE(r.client.session.request(1, calling("mul")));
  r.client.events.when_result = [&](std::uint64_t) { closing(r.client)(); };
  r.client.receive(packet::response, 3, std::string(301, 'x'));
  REQUIRE(r.client.events.seen.size() == 3); // the result, the log line, and the close
  CHECK(r.client.events.seen[2] == "close shut_down: enough");

  session_pair s;
  REQUIRE(s.client.session.request(1, calling("mul")));
  s.client.events.when_logged = closing(s.client);
  s.client.receive(packet::response, 3, "");
  REQUIRE_FALSE(s.client.events.seen.empty());
  CHECK(s.client.events.seen.back() == "close shut_down: enough");
}

TEST_CASE("session: the handler of a result may make a request, even while the connection closes") {
  session_pair p;
  p.client.events.when_result = [&](std::uint64_t token) {
    if (token < 3) (void)p.client.session.request(token + 1, calling("mul"));
  };
  REQUIRE(p.client.session.request(1, calling("mul")));
  for (std::uint32_t serial = 3; serial <= 5; ++serial)
    p.client.receive(packet::response, serial, pickled(1));
  CHECK(p.client.events.seen == lines{"result 1 1", "result 2 1", "result 3 1"});
  CHECK(p.client.session.outbound().requests() == 0);
}
