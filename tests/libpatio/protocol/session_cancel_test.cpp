// Cancelled requests, at the caller's end and at the callee's end.
#include <patio/protocol/session.hpp>

#include <doctest/doctest.h>

#include "hex.hpp"
#include "protocol/session_fixture.hpp"

using patio::errc;
using patio::value;
using patio::protocol::packet;

namespace {

const patio::error given_up{errc::cancelled, "enough", {}};

/// Both sides announce all extensions, and one unexpected answer closes the connection.
struct cancelling_pair : session_pair {
  explicit cancelling_pair(
    const patio::protocol::extensions& of_server = patio::protocol::all_extensions)
      : session_pair{of_server, patio::protocol::all_extensions, {.unknown_serials = 0}} {}
  std::uint32_t call(std::uint64_t token) {
    return client.session.request(token, {"mul", {}, {}}).value();
  }
};

} // namespace

TEST_CASE("session: a cancelled request ends at once, and CANCEL goes out under its serial") {
  cancelling_pair p;
  auto serial = p.call(70);
  (void)p.client.sent();
  p.client.session.abandon(serial, given_up);
  CHECK(p.client.events.seen == lines{"result 70 cancelled: the call was cancelled: enough"});
  CHECK(p.client.session.outbound().requests() == 0);
  CHECK(to_hex(p.client.sent()) == "28000000040000000380054e2e");
  p.client.session.abandon(serial, given_up);
  CHECK(p.client.sent().empty());
  CHECK(p.client.events.seen.size() == 1);
}

TEST_CASE(
  "session: CANCEL is sent only for a cancelled request and only to a peer that has announced it") {
  cancelling_pair p;
  p.client.session.abandon(p.call(1), {errc::timeout, "late", {}}); // the peer times out by itself
  CHECK(shown(p.client.sent()) == lines{"REQUEST 3 mul()"});
  for (auto theirs : {patio::protocol::extensions{},
                      patio::protocol::extensions{.leaving = true, .endings = true}}) {
    cancelling_pair like_python{theirs};
    like_python.client.session.abandon(like_python.call(1), given_up);
    CHECK(shown(like_python.client.sent()) == lines{"REQUEST 3 mul()"});
    CHECK(like_python.client.events.seen
          == lines{"result 1 cancelled: the call was cancelled: enough"});
  }
}

TEST_CASE(
  "session: the callee's owner is told that a request is cancelled, and answers the request once") {
  cancelling_pair p;
  auto serial = p.call(1);
  settle(p.server, p.client);
  p.client.session.abandon(serial, given_up);
  (void)p.client.events.news();
  settle(p.server, p.client);
  CHECK(p.server.events.news() == lines{"request 3 mul()", "cancel 3"});
  CHECK(p.server.session.inbound().size() == 1);
  p.server.answer(serial, value{6});
  p.server.answer(serial, value{7});
  auto answers = p.server.sent();
  CHECK(shown(answers) == lines{"RESPONSE 3 6"});
  p.client.session.receive(answers); // a late answer is not an error
  CHECK(p.client.events.seen.empty());
  CHECK(p.server.session.inbound().size() == 0);
}

TEST_CASE("session: the handler of a cancellation may answer the request or close the connection") {
  cancelling_pair p;
  p.server.events.when_cancelled = [&](patio::protocol::request_id id) {
    p.server.session.answer(id, tl::unexpected(given_up));
  };
  p.server.receive(packet::request, 7, pickled_call("mul"));
  p.server.receive(packet::cancel, 7, pickled_none);
  CHECK(shown(p.server.sent()) == lines{"ERROR 7 RuntimeError('enough')"});
  p.server.receive(packet::cancel, 7, pickled_none);
  CHECK(p.server.sent().empty());
  p.server.events.when_cancelled = [&](patio::protocol::request_id) {
    p.server.session.close({errc::shut_down, "over", {}});
  };
  p.server.receive(packet::request, 8, pickled_call("mul"));
  p.server.session.receive(framed(packet::cancel, 8, pickled_none)
                           + framed(packet::request, 9, pickled_call("mul")));
  CHECK(p.server.events.seen
        == lines{"request 7 mul()", "cancel 7", "request 8 mul()", "cancel 8",
                 "close shut_down: over"});
}

TEST_CASE(
  "session: a CANCEL and an answer that cross each other on the wire are accepted by both ends") {
  cancelling_pair p;
  p.server.events.when_requested = [&](std::uint32_t serial, const patio::call_request&) {
    p.server.answer(serial, value{6});
  };
  auto serial = p.call(1);
  p.server.session.receive(p.client.sent());
  auto answer = p.server.sent();
  p.client.session.abandon(serial, given_up);
  p.server.session.receive(p.client.sent());
  p.client.session.receive(answer);
  CHECK(p.client.events.seen == lines{"result 1 cancelled: the call was cancelled: enough"});
  CHECK(p.server.events.seen == lines{"request 3 mul()"});
  CHECK(p.server.sent().empty());
}

TEST_CASE(
  "session: a CANCEL for a request that is not running has no effect, whatever its serial") {
  cancelling_pair p;
  p.server.receive(packet::request, 7, pickled_call("mul"));
  for (std::uint32_t serial : {0U, 1U, 3U, 8U, 0xffffffffU})
    p.server.receive(packet::cancel, serial, pickled_none);
  CHECK(p.server.events.seen == lines{"request 7 mul()"});
  CHECK(p.server.sent().empty());
  CHECK_FALSE(p.server.closed());
}

TEST_CASE("session: CANCEL applies to the peer's request that has the serial now") {
  cancelling_pair p;
  REQUIRE(p.server.session.request(1, {"back", {}, {}}) == 4);
  (void)p.server.sent();
  p.server.receive(packet::cancel, 4,
                   pickled_none); // the server's own request, which its peer cannot cancel
  CHECK(p.server.session.outbound().requests() == 1);
  std::vector<patio::protocol::request_id> cancelled;
  p.server.events.when_cancelled = [&](patio::protocol::request_id id) { cancelled.push_back(id); };
  p.server.receive(packet::request, 7, pickled_call("mul"));
  auto first = p.server.events.ids[7];
  p.server.answer(7, value{1});
  p.server.receive(packet::request, 7, pickled_call("mul"));
  p.server.receive(packet::cancel, 7, pickled_none);
  REQUIRE(cancelled.size() == 1);
  CHECK(cancelled[0] == p.server.events.ids[7]);
  CHECK_FALSE(cancelled[0] == first);
}

TEST_CASE("session: the payload of CANCEL is not read, but must not exceed the frame limit") {
  session_pair p{
    patio::protocol::all_extensions, patio::protocol::all_extensions, {.frame_bytes = 300}};
  p.server.receive(packet::request, 7, pickled_call("mul"));
  p.server.receive(packet::cancel, 7, "no pickle");
  CHECK(p.server.events.seen == lines{"request 7 mul()", "cancel 7"});
  p.server.receive(packet::cancel, 7, std::string(301, 'x'));
  CHECK(p.server.events.seen.back()
        == "close protocol: a frame of 301 bytes is over the limit of 300");
}

TEST_CASE("session: a thousand cancelled requests leave nothing waiting at either end") {
  cancelling_pair p;
  p.server.events.when_cancelled = [&](patio::protocol::request_id id) {
    p.server.session.answer(id, tl::unexpected(given_up));
  };
  for (std::uint64_t token = 0; token < 1'000; ++token) {
    auto serial = p.call(token);
    if (token % 2 == 0) settle(p.server, p.client);
    p.client.session.abandon(serial, given_up);
    settle(p.server, p.client);
  }
  CHECK(p.client.session.outbound().requests() + p.server.session.inbound().size() == 0);
  CHECK(p.client.session.outbound().ignored() == 1'000);
  CHECK_FALSE(p.client.closed());
}

TEST_CASE(
  "session: a request that is still unsent when the connection closes is dropped with its CANCEL") {
  session_pair p{patio::protocol::all_extensions,
                 patio::protocol::all_extensions,
                 {.frame_bytes = 300, .skipped_frame_bytes = 1'000}};
  auto serial = p.client.session.request(1, {"mul", {}, {}}).value();
  p.client.session.abandon(serial, given_up);
  p.client.session.receive(framed(packet::request, 6, std::string(1'001, 'x')).substr(0, 9));
  CHECK(p.client.closed());
  CHECK(shown(p.client.sent())
        == lines{"ERROR 6 ValueError('a frame of 1001 bytes is over the limit of 300')"});
}

TEST_CASE("session: a side that has announced nothing sends the bytes that Python would send, "
          "whatever its peer has announced") {
  session_pair p{patio::protocol::all_extensions, patio::protocol::extensions{}};
  p.client.session.abandon(p.client.session.request(1, {"mul", {}, {}}).value(), given_up);
  p.client.receive(packet::request, 7, pickled_call("mul"));
  p.client.answer(7, patio::fail(errc::no_route, "mul"));
  p.client.session.go_away();
  CHECK(p.client.session.status().goodbye == patio::protocol::goodbye::agreed);
  auto sent = frames_of(p.client.sent());
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].type == packet::request);
  CHECK(sent[1].payload == pickled(value::exception("builtins.KeyError", {"mul"})));
}
