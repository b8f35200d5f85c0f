// The requests of a peer while they run: their identity, their stop tokens and their limit.
#include <patio/protocol/session.hpp>

#include <doctest/doctest.h>

#include <optional>

#include "protocol/session_fixture.hpp"

using patio::errc;
using patio::value;
using patio::protocol::packet;

namespace {

const std::string call = pickled_call("mul");

void ask(session_end& s, std::uint32_t serial) { s.receive(packet::request, serial, call); }

} // namespace

TEST_CASE("session: a late answer to an earlier request does not answer a new request with the "
          "same serial (M2)") {
  session_pair p;
  ask(p.server, 7);
  auto earlier = p.server.events.ids[7];
  p.server.session.answer(earlier, patio::fail(errc::timeout, "too late"));
  ask(p.server, 7);
  auto now = p.server.events.ids[7];
  CHECK(now.serial == earlier.serial);
  CHECK(now.number != earlier.number);
  CHECK_FALSE(p.server.session.inbound().is_running(earlier));
  CHECK(p.server.session.inbound().is_running(now));
  p.server.session.answer(earlier, value{"secret of the other call"});
  CHECK(p.server.session.inbound().is_running(now));
  p.server.session.answer(now, value{8});
  CHECK(shown(p.server.sent()) == lines{"ERROR 7 TimeoutError('too late')", "RESPONSE 7 8"});
}

TEST_CASE("session: a late answer does not answer a new request from within the event that "
          "announces it (M2)") {
  session_pair p;
  ask(p.server, 7);
  auto earlier = p.server.events.ids[7];
  p.server.session.answer(earlier, value{1});
  p.server.events.when_requested = [&](std::uint32_t, const patio::call_request&) {
    p.server.session.answer(earlier, value{"secret of the other call"});
    CHECK_FALSE(p.server.session.inbound().is_running(earlier));
  };
  ask(p.server, 7);
  CHECK(p.server.session.inbound().size() == 1);
  CHECK(shown(p.server.sent()) == lines{"RESPONSE 7 1"});
}

TEST_CASE("session: a request's number is never reused, and is not valid with another serial") {
  session_pair p;
  std::uint64_t last = 0;
  for (std::uint32_t i = 0; i < 100; ++i) {
    ask(p.server, i % 3);
    auto id = p.server.events.ids[i % 3];
    CHECK(id.number > last);
    last = id.number;
    CHECK_FALSE(p.server.session.inbound().is_running({id.serial + 1, id.number}));
    p.server.session.answer({id.serial + 1, id.number}, value{});
    CHECK(p.server.session.inbound().is_running(id));
    p.server.session.answer(id, value{});
  }
}

TEST_CASE("session: a request's stop is requested as soon as it is answered, and not before") {
  session_pair p;
  ask(p.server, 7);
  ask(p.server, 8);
  auto id = p.server.events.ids[7];
  auto over = p.server.session.inbound().stop_token(id),
       again = p.server.session.inbound().stop_token(id),
       other = p.server.session.inbound().stop_token(p.server.events.ids[8]);
  CHECK(over.stop_possible());
  CHECK_FALSE(over.stop_requested());
  lines sent_by_then;
  std::stop_callback when_over{over, [&] { sent_by_then = shown(p.server.sent()); }};
  p.server.session.answer(id, value{1});
  CHECK(over.stop_requested());
  CHECK(again.stop_requested());
  CHECK_FALSE(other.stop_requested());
  CHECK(sent_by_then == lines{"RESPONSE 7 1"});
  CHECK(p.server.session.inbound()
          .stop_token(id)
          .stop_requested()); // also for a token that is taken later
  ask(p.server, 7);
  CHECK_FALSE(p.server.session.inbound().stop_token(p.server.events.ids[7]).stop_requested());
  CHECK(p.server.session.inbound().stop_token(id).stop_requested());
}

TEST_CASE("session: a cancelled request's stop is requested only when it is answered") {
  session_pair p{patio::protocol::all_extensions, patio::protocol::all_extensions};
  ask(p.server, 7);
  auto id = p.server.events.ids[7];
  auto over = p.server.session.inbound().stop_token(id);
  p.server.receive(packet::cancel, 7, pickled_none);
  CHECK_FALSE(over.stop_requested()); // the owner decides when the request ends
  p.server.session.answer(id, patio::fail(errc::cancelled, "as you wish"));
  CHECK(over.stop_requested());
}

TEST_CASE("session: closing the connection requests the stop of all requests, including one that "
          "is being announced") {
  session_pair p;
  ask(p.server, 7);
  auto waiting = p.server.session.inbound().stop_token(p.server.events.ids[7]);
  std::optional<std::stop_token> told;
  p.server.events.when_requested = [&](std::uint32_t serial, const patio::call_request&) {
    told = p.server.session.inbound().stop_token(p.server.events.ids[serial]);
    CHECK_FALSE(told->stop_requested());
    p.server.session.close({errc::shut_down, "over", {}});
  };
  // The stops come before the close event, so that no function still runs for a connection that its
  // owner considers closed.
  p.server.events.when_closed = [&] {
    CHECK((waiting.stop_requested() && told->stop_requested()));
  };
  ask(p.server, 8);
  REQUIRE(told);
  CHECK(p.server.events.seen.back() == "close shut_down: over");
}

TEST_CASE("session: a request may be answered, and its stop requested, within the event that "
          "announces it") {
  session_pair p;
  std::optional<std::stop_token> over;
  p.server.events.when_requested = [&](std::uint32_t serial, const patio::call_request&) {
    over = p.server.session.inbound().stop_token(p.server.events.ids[serial]);
    p.server.answer(serial, value{1});
    CHECK(over->stop_requested());
  };
  ask(p.server, 7);
  REQUIRE(over);
  CHECK(p.server.session.inbound().size() == 0);
}

TEST_CASE("session: a stop callback may close the connection or answer another request") {
  session_pair p;
  ask(p.server, 7);
  ask(p.server, 8);
  auto first = p.server.events.ids[7], second = p.server.events.ids[8];
  std::stop_callback answer{p.server.session.inbound().stop_token(first),
                            [&] { p.server.session.answer(second, value{2}); }};
  std::stop_callback close{p.server.session.inbound().stop_token(second), [&] {
                             p.server.session.close({errc::shut_down, "over", {}});
                           }};
  p.server.session.answer(first, value{1});
  CHECK(p.server.closed());
  CHECK(shown(p.server.sent()) == lines{"RESPONSE 7 1", "RESPONSE 8 2"});
}

TEST_CASE(
  "session: an overloaded session names the exceeded limit to a peer that has announced endings") {
  session_pair p{
    patio::protocol::all_extensions, patio::protocol::all_extensions, {.inbound_calls = 1}};
  for (std::uint64_t token : {1u, 2u}) REQUIRE(p.client.session.request(token, {"mul", {}, {}}));
  settle(p.server, p.client);
  CHECK(p.client.events.seen
        == lines{"result 2 overloaded: too many calls are waiting: overloaded: 1 calls from this "
                 "connection are unanswered"});
}
