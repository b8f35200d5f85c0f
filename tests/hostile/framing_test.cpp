// Frames that are truncated, cut into pieces, or have a false length or type, and streams without
// frames, against a running node. Each of them closes at most its own connection. The parts of
// these cases that need no socket are in tests/libpatio/protocol (frame_test and session_*_test).
#include <doctest/doctest.h>

#include <random>

#include <patio/protocol/login.hpp>
#include <patio/protocol/session.hpp>

#include "broker_under_attack.hpp"
#include "hex.hpp"
#include "hostile.hpp"
#include "protocol/session_fixture.hpp"
#include "seed.hpp"

using namespace patio;
using namespace patio::protocol;
using namespace patio::tests;
using namespace std::string_literals;

namespace {

/// A frame that a node accepts at this stage.
struct valid_frame {
  stage when;
  std::string bytes;
};

/// One frame of each type that a client may send. AUTH_REQUEST is missing: its bytes depend on the
/// challenge.
std::vector<valid_frame> valid_frames() {
  return {
    {stage::authenticated, framed(packet::discover_request, 2, none)},
    {stage::authenticated,
     framed(packet::discover_response, 3, pickle_of(value::list({"f", "g"})))},
    {stage::open, framed(packet::request, 9, request("ring"))},
    {stage::open, framed(packet::response, 9, none)},
    {stage::open,
     framed(packet::error, 9, pickle_of(value::exception("builtins.ValueError", {"bad"})))},
    {stage::open, framed(packet::discover_request, 9, none)},
    {stage::open, framed(packet::cancel, 9, none)},
    {stage::open, framed(packet::leaving, 9, none)},
  };
}

/// A header that claims `size` bytes of payload.
std::string header(int type, std::uint32_t size, std::uint32_t serial) {
  return framed(static_cast<packet>(type), serial, "")
    .replace(1, 4,
             {static_cast<char>(size >> 24), static_cast<char>(size >> 16),
              static_cast<char>(size >> 8), static_cast<char>(size)});
}

/// Sends the bytes on two new connections, and ends one with a FIN and one with a RST.
void send_and_end(broker_under_attack& node, stage when, const std::string& bytes) {
  for (bool reset : {false, true}) {
    auto peer = node.hostile_peer();
    log_in_up_to(when, peer);
    if (!bytes.empty()) peer.send_bytes(bytes);
    if (reset) {
      peer.reset();
      continue;
    }
    peer.half_close();
    peer.await_close();
  }
}

/// Frames for an authenticated client: its discovery, and requests that succeed and fail.
std::string session_frames() {
  return framed(packet::discover_request, 2, none)
         + framed(packet::discover_response, 3, pickle_of(value::list({"f"})))
         + framed(packet::request, 3, request("two")) + framed(packet::discover_request, 4, none)
         + framed(packet::request, 5, "no pickle")
         + framed(packet::request, 6, request("unheard_of"))
         + framed(packet::request, 7, request("ring", {1})) + framed(packet::response, 99, none)
         + framed(packet::request, 8, request("two"));
}

using answer_frame = std::tuple<packet, std::uint32_t, std::string>;

/// Sends a login and session_frames() in pieces of this size. Returns the answers in the order of
/// their serials, as answers of the pool may overtake each other.
std::vector<answer_frame> answers_to_pieces(broker_under_attack& node, std::size_t piece) {
  auto peer = node.hostile_peer();
  auto stream = framed(packet::auth_request, 1, login_answer(peer.receive().payload, "", "salt"))
                + session_frames();
  for (std::size_t at = 0; at < stream.size(); at += piece)
    peer.send_bytes(std::string_view{stream}.substr(at, piece));
  std::vector<answer_frame> all;
  for (int i = 0; i < 9; ++i) {
    auto f = peer.receive();
    all.emplace_back(f.type, f.serial, f.payload);
  }
  peer.half_close();
  CHECK_THROWS(peer.receive()); // the session has nine answers
  std::sort(all.begin(), all.end());
  return all;
}

std::string random_noise(std::mt19937_64& random, std::size_t size) {
  std::string noise(size, '\0');
  for (auto& c : noise) c = static_cast<char>(random());
  return noise;
}

/// Feeds a session and counts its events other than its close.
std::size_t events_of(session& s, std::string_view bytes) {
  std::size_t count = 0;
  s.feed(bytes);
  for (bool more = true; more;) {
    more = s.next();
    for (; !s.events().empty(); s.events().pop())
      count += !std::holds_alternative<session_closed>(s.events().front());
  }
  return count;
}

} // namespace

TEST_CASE("F1 every truncated frame, followed by a FIN or a RST, causes no event and leaves "
          "nothing behind") {
  broker_under_attack node{without_deadline()};
  std::size_t connections = 0;
  auto truncate = [&](stage when, const std::string& frame) {
    for (std::size_t n = 0; n < frame.size(); ++n, connections += 2)
      send_and_end(node, when, frame.substr(0, n));
  };
  for (const auto& f : valid_frames()) truncate(f.when, f.bytes);
  truncate(stage::connected,
           framed(packet::auth_request, 1,
                  login_answer(login_challenge(std::string(16, 'x')), "", "salt")));
  CHECK(connections > 700);
  auto last = node.hostile_peer();
  last.log_in_as_client();
  last.send_bytes(header(10, 5, 1));
  last.half_close();
  last.await_close();
  node.check_logged("the peer closed the connection within a frame");
  last.close();
  node.check_nothing_left();
  CHECK(node.rings == 0);
  node.check_undisturbed();
}

TEST_CASE(
  "F2 a session that is sent byte by byte gets the same answers as one in a single segment") {
  broker_under_attack node{without_deadline()};
  auto whole = answers_to_pieces(node, std::string::npos / 2);
  CHECK(answers_to_pieces(node, 1) == whole);
  CHECK(answers_to_pieces(node, 10) == whole);
  node.check_nothing_left();
  node.check_undisturbed();
}

TEST_CASE("F3 before the login a false length is refused at byte nine, and nothing is allocated "
          "for it") {
  broker_under_attack node{without_deadline()};
  auto before = resident_bytes();
  const std::uint32_t sizes[] = {1025, 0x7fffffff, 0x80000000, 0xffffffff};
  constexpr std::size_t at_once = 100;
  for (std::size_t round = 0; round < 100; ++round) {
    std::vector<raw_peer> peers;
    for (std::size_t i = 0; i < at_once; ++i)
      peers.emplace_back(node.where).send_bytes(header(1, sizes[i % 4], 1));
    for (auto& peer : peers) peer.await_close();
  }
  // All 10,000 connections together may not take more memory than the 100 connections of one round
  // may hold.
  auto grown = static_cast<std::ptrdiff_t>(resident_bytes()) - static_cast<std::ptrdiff_t>(before);
  CHECK(grown < static_cast<std::ptrdiff_t>(at_once * 65'536));
  auto last = node.hostile_peer();
  last.send_bytes(header(1, 1025, 1));
  last.await_close();
  node.check_logged("of 1025 bytes is over the limit of 1024");
  last.close();
  node.check_nothing_left();
  node.check_undisturbed();
}

TEST_CASE("F3 after the login a false length is answered at byte nine, and a frame that is too "
          "large to skip closes the connection") {
  broker_under_attack node{without_deadline()};
  for (std::uint32_t size : {0xffffffffU, 0x80000000U, (64U << 20) + 1}) {
    auto peer = node.hostile_peer();
    peer.log_in_as_client();
    peer.send_bytes(header(10, size, 1));
    auto answer = peer.receive();
    CHECK(answer.serial == 1);
    CHECK(exception_in(answer)
          == "ValueError: a frame of " + std::to_string(size)
               + " bytes is over the limit of 16777216");
    peer.await_close();
    node.check_logged("is over the limit of 16777216");
  }
  auto peer = node.hostile_peer();
  peer.log_in_as_client();
  peer.send_bytes(from_hex("0a0100000100000001"));
  CHECK(peer.receive().serial == 1); // the answer comes before any byte of the payload is sent
  peer.send_bytes(std::string(0x01000001, '.'));
  check_served(peer);
  peer.close();
  node.check_nothing_left();
  node.check_undisturbed();
}

TEST_CASE("F11 other protocols, zeros and random bytes close the connection") {
  auto seed = test_seed();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  broker_under_attack node{without_deadline()};
  std::vector<std::string> noises{"GET / HTTP/1.1\r\n\r\n",
                                  from_hex("1603010200010001fc0303") + std::string(512, 'r'),
                                  std::string(65'536, '\0')};
  for (int i = 0; i < 500; ++i) noises.push_back(random_noise(random, 512));
  for (const auto& noise : noises) {
    auto peer = node.hostile_peer();
    try {
      peer.send_bytes(noise);
    } catch (const std::runtime_error&) { // the node closed before the last byte was sent
    }
    peer.await_close();
    if (noise.starts_with("GET /")) node.check_logged("unknown packet type 71 in b'GET / HTTP/1.1");
    if (noise.starts_with("\x16\x03\x01"))
      node.check_logged("the peer speaks TLS, and this node does not");
    if (noise.size() == 65'536)
      node.check_logged("AUTH_DIGEST (type 0, serial 0) has no place in the login");
  }
  node.check_nothing_left();
  node.check_undisturbed();
}

TEST_CASE("F11 a million blocks of 512 random bytes each close a session at once and cause no "
          "other event") {
  auto seed = test_seed();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  auto noise = random_noise(random, 1 << 20);
  auto shared = std::make_shared<const session_options>(session_options{"secret", {"f"}, {}});
  std::size_t open = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    session s{random() % 2 == 0 ? role::server : role::client, shared, std::string(16, 'n')};
    auto bytes = std::string_view{noise}.substr(random() % (noise.size() - 512), 512);
    REQUIRE(events_of(s, bytes) == 0);
    open += s.state() != session::state::closed;
  }
  CHECK(open < 10); // random bytes may happen to begin with a valid header
}
