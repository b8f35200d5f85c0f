// Every packet type in every state of either side: it is accepted, or it closes the connection.
#include <patio/protocol/session.hpp>

#include <doctest/doctest.h>

#include <set>

#include "protocol/session_fixture.hpp"

using patio::role;
using patio::protocol::extensions;
using patio::protocol::packet;
using state = enum patio::protocol::session::state;

namespace {

const std::string challenge = patio::protocol::login_challenge(test_token);

enum class moment { login, answered_challenge, discovery, ready, closed };

/// Returns a session in this state. `ours` are the extensions that the session announces, `theirs`
/// those that its peer announces.
std::unique_ptr<session_end> bring_to(moment when, role side, const extensions& ours = {},
                                      const extensions& theirs = {}) {
  auto end = std::make_unique<session_end>(
    side, patio::protocol::session_options{"secret", {"mul"}, {}, ours});
  auto& s = *end;
  if (when == moment::closed) s.session.close({patio::errc::shut_down, "test", {}});
  else if (when != moment::login && side == role::server)
    s.receive(packet::auth_request, 1,
              patio::protocol::login_answer(challenge, "secret", test_salt));
  else if (when != moment::login) s.receive(packet::auth_digest, 1, challenge);
  if (side == role::client && (when == moment::discovery || when == moment::ready))
    s.receive(packet::auth_ok, 2, pickled_none);
  if (when == moment::ready) {
    s.receive(packet::discover_request, 3, patio::protocol::announcement(theirs));
    s.receive(packet::discover_response, side == role::server ? 3 : 2,
              pickled(patio::value::list({"div"})));
  }
  (void)s.sent();
  (void)s.events.news();
  return end;
}

/// A payload that is right for the type, so that only the type can be wrong.
std::string payload_of(packet type) {
  switch (type) {
  case packet::auth_digest: return challenge;
  case packet::auth_request: return patio::protocol::login_answer(challenge, "secret", test_salt);
  case packet::request: return pickled_call("mul", {1});
  case packet::error: return pickled(patio::value::exception("builtins.ValueError", {"bad"}));
  case packet::discover_response: return pickled(patio::value::list({"div"}));
  case packet::describe: return pickled(patio::value::list({"echo"}));
  case packet::queues: return pickled(patio::value::dict({}));
  case packet::credit:
  case packet::credit_used: return patio::protocol::write_queue_total({0, 0});
  default: return pickled_none;
  }
}

/// Returns the type numbers that leave the session open. Each frame has this serial. In discovery
/// it must be the serial of the session's own DISCOVER_REQUEST.
std::set<int> lawful(moment when, role side, std::uint32_t serial, const extensions& ours = {},
                     const extensions& theirs = {}) {
  std::set<int> open;
  for (int number = -128; number < 128; ++number) {
    auto type = static_cast<packet>(number);
    auto end = bring_to(when, side, ours, theirs);
    end->receive(type, serial, payload_of(type));
    if (!end->closed()) open.insert(number);
    else if (when != moment::closed) CHECK(end->events.seen.back().starts_with("close "));
    else CHECK(end->events.seen.empty());
    (void)end->events.news();
    (void)end->sent();
    if (end->closed()) { // frames after the close have no effect
      end->receive(packet::request, 9, pickled_call("mul"));
      CHECK(end->events.seen.empty());
      CHECK(end->sent().empty());
    }
  }
  return open;
}

using numbers = std::set<int>;

} // namespace

TEST_CASE("session: a server accepts only AUTH_REQUEST, then discovery, then calls") {
  CHECK(lawful(moment::login, role::server, 1) == numbers{1});
  CHECK(lawful(moment::discovery, role::server, 3) == numbers{5, 6});
  CHECK(lawful(moment::ready, role::server, 99) == numbers{5, 10, 20, 30});
  CHECK(lawful(moment::closed, role::server, 1).empty());
}

TEST_CASE("session: a client accepts only AUTH_DIGEST and AUTH_OK, then discovery, then calls") {
  CHECK(lawful(moment::login, role::client, 1) == numbers{0});
  CHECK(lawful(moment::answered_challenge, role::client, 2) == numbers{3});
  CHECK(lawful(moment::discovery, role::client, 2) == numbers{5, 6});
  CHECK(lawful(moment::ready, role::client, 99) == numbers{5, 10, 20, 30});
  CHECK(lawful(moment::closed, role::client, 1).empty());
}

TEST_CASE("session: the packets of the announced extensions are accepted only in the ready state, "
          "whatever the peer has announced") {
  for (const auto& theirs : {extensions{}, patio::protocol::all_extensions}) {
    for (auto side : {role::server, role::client}) {
      auto open = [&](const extensions& ours) {
        return lawful(moment::ready, side, 99, ours, theirs);
      };
      CHECK(open({}) == numbers{5, 10, 20, 30});
      CHECK(open({.cancel = true}) == numbers{5, 10, 20, 30, 40});
      CHECK(open({.leaving = true})
            == numbers{5, 10, 20, 30, 50}); // LEAVING_OK is accepted only after a LEAVING
      CHECK(open({.endings = true}) == numbers{5, 10, 20, 30});
      CHECK(open({.credit = true}) == numbers{5, 10, 20, 30, 60, 61, 62});
      CHECK(open({.describe = true})
            == numbers{5, 10, 20, 30, 45}); // DESCRIPTION is accepted only after a DESCRIBE
      CHECK(open(patio::protocol::all_extensions)
            == numbers{5, 10, 20, 30, 40, 45, 50, 60, 61, 62});
      CHECK(lawful(moment::discovery, side, side == role::server ? 3 : 2,
                   patio::protocol::all_extensions, theirs)
            == numbers{5, 6});
      CHECK(lawful(moment::closed, side, 1, patio::protocol::all_extensions, theirs).empty());
    }
    CHECK(lawful(moment::login, role::server, 1, patio::protocol::all_extensions, theirs)
          == numbers{1});
    CHECK(lawful(moment::login, role::client, 1, patio::protocol::all_extensions, theirs)
          == numbers{0});
    CHECK(
      lawful(moment::answered_challenge, role::client, 2, patio::protocol::all_extensions, theirs)
      == numbers{3});
  }
}

TEST_CASE("session: LEAVING_OK is accepted once for each LEAVING, and only from a peer that was "
          "sent LEAVING") {
  for (auto side : {role::server, role::client}) {
    auto end = bring_to(moment::ready, side, patio::protocol::all_extensions,
                        patio::protocol::all_extensions);
    end->session.go_away();
    auto serial = frames_of(end->sent()).at(0).serial;
    end->receive(packet::leaving_ok, serial, pickled_none);
    CHECK_FALSE(end->closed());
    end->receive(packet::leaving_ok, serial, pickled_none);
    CHECK(end->closed());
    auto untold = bring_to(moment::ready, side, patio::protocol::all_extensions);
    untold->session.go_away();
    CHECK(untold->sent().empty());
    untold->receive(packet::leaving_ok, side == role::server ? 4 : 3, pickled_none);
    CHECK(untold->closed());
  }
}

TEST_CASE("session: the error names the unexpected packet and the state") {
  auto refusal = [](moment when, role side, packet type) {
    auto end = bring_to(when, side);
    end->receive(type, 7, payload_of(type));
    return end->events.seen.back();
  };
  CHECK(refusal(moment::login, role::server, packet::request)
        == "close login_refused: REQUEST (type 10, serial 7) has no place in the login");
  CHECK(refusal(moment::answered_challenge, role::client, packet::auth_digest)
        == "close login_refused: AUTH_DIGEST (type 0, serial 7) has no place in the login");
  CHECK(refusal(moment::discovery, role::server, packet::request)
        == "close login_refused: REQUEST (type 10, serial 7) has no place in discovery");
  CHECK(refusal(moment::ready, role::server, packet::auth_request)
        == "close protocol: AUTH_REQUEST (type 1, serial 7) has no place in an open connection");
  CHECK(refusal(moment::ready, role::server, packet::cancel)
        == "close protocol: CANCEL (type 40, serial 7) has no place in an open connection");
  CHECK(refusal(moment::ready, role::client, packet::leaving)
        == "close protocol: LEAVING (type 50, serial 7) has no place in an open connection");
  CHECK(refusal(moment::ready, role::client, static_cast<packet>(-128))
        == "close protocol: unknown packet type -128 in "
           "b'\\x80\\x00\\x00\\x00\\x04\\x00\\x00\\x00\\x07\\x80\\x05N.'");
  CHECK(refusal(moment::ready, role::client, packet::discover_response)
        == "close protocol: unexpected DISCOVER_RESPONSE (type 6, serial 7)");
}

TEST_CASE("session: HTTP, TLS and random bytes close the connection at the first header (F11)") {
  for (std::string_view noise :
       {std::string_view{"GET / HTTP/1.1\r\n\r\n"},
        std::string_view{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11}}) {
    session_end server{role::server};
    server.session.receive(noise.substr(0, 8));
    CHECK_FALSE(server.closed());
    server.session.receive(noise.substr(8));
    CHECK(server.closed());
  }
  session_end server{role::server};
  server.session.receive(std::string(65'536, '\0'));
  CHECK(server.closed());
}

TEST_CASE("session: before the login a frame has at most 1 KiB") {
  for (auto [size, stays] : {std::pair{1024U, true},
                             {1025U, false},
                             {0x7fffffffU, false},
                             {0x80000000U, false},
                             {0xffffffffU, false}}) {
    session_end server{role::server}, client{role::client};
    auto header_of = [n = size](char type) {
      return std::string{type} + static_cast<char>(n >> 24) + static_cast<char>(n >> 16)
             + static_cast<char>(n >> 8) + static_cast<char>(n) + std::string("\0\0\0\1", 4);
    };
    server.session.receive(header_of(1));
    client.session.receive(header_of(0));
    CHECK(server.closed() == !stays);
    CHECK(client.closed() == !stays);
  }
}

TEST_CASE("session: a client does not decode the challenge, but refuses an empty challenge") {
  session_end client{role::client, {"secret", {}, {}}};
  client.receive(packet::auth_digest, 1, "no pickle at all");
  REQUIRE(frames_of(client.session.output().bytes()).size() == 1);
  CHECK(frames_of(client.session.output().bytes())[0].payload
        == patio::protocol::login_answer("no pickle at all", "secret", test_salt));
  session_end other{role::client};
  other.receive(packet::auth_digest, 1, "");
  CHECK(other.events.seen == lines{"close login_refused: the server's challenge is empty"});
}

TEST_CASE("session: a wrong login closes the connection, and nothing is sent to the peer") {
  session_end server{role::server, {"secret", {}, {}}};
  (void)server.sent();
  server.receive(packet::auth_request, 1,
                 patio::protocol::login_answer(challenge, "other", test_salt));
  CHECK(server.events.seen == lines{"close login_refused: wrong key"});
  CHECK(server.sent().empty());
  server.receive(
    packet::auth_request, 1,
    patio::protocol::login_answer(challenge, "secret", test_salt)); // a second attempt (A8)
  CHECK(server.events.seen.size() == 1);
}

TEST_CASE("session: the two halves of discovery may come in any order, and both are needed") {
  for (bool request_first : {true, false}) {
    auto end = bring_to(moment::discovery, role::server);
    auto ask = [&] { end->receive(packet::discover_request, 5, pickled_none); };
    auto tell = [&] {
      end->receive(packet::discover_response, 3, pickled(patio::value::list({"div"})));
    };
    request_first ? ask() : tell();
    CHECK(end->session.state() == state::discovery);
    request_first ? tell() : ask();
    CHECK(end->session.state() == state::ready);
    CHECK(end->events.seen == lines{"names div", "ready"});
    CHECK(shown(end->sent()) == lines{"DISCOVER_RESPONSE 5 ['mul']"});
  }
}

TEST_CASE(
  "session: names that are not a list of texts within the limits close the connection (F9)") {
  auto told = [](const patio::value& names) {
    auto end = bring_to(moment::discovery, role::server);
    end->receive(packet::discover_response, 3, pickled(names));
    return end->events.seen.back();
  };
  using patio::value;
  CHECK(told(value::list({"a", "a", std::string(513, 'x'), "", "nul\n"}))
        == "names  a nul\n"); // sorted, each once
  CHECK(told(value::tuple({"a"})) == "names a");
  for (const auto& wrong : {value{}, value{"abc"}, value::dict({{"a", 1}}), value::list({1}),
                            value::list({value::bytes("a")}), value::set({"a"})})
    CHECK(
      told(wrong).starts_with("close login_refused: DISCOVER_RESPONSE is not a list of names: "));
  CHECK(told(value::list(std::vector<value>(10'001, "f")))
        == "close login_refused: the peer serves more than 10000 names");
  CHECK(told(value::list(std::vector<value>(10'000, "f"))) == "names f");
  CHECK(told(value::list({"\xed\xa0\x80"}))
        == "names \xed\xa0\x80"); // a lone surrogate is a name like any other
}
