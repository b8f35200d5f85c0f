// Wrong logins against a running node that listens, and wrong challenges against a node that dials.
// The parts of these cases that need no socket are in tests/libpatio/protocol/login_test.cpp.
#include <doctest/doctest.h>

#include <unordered_set>

#include <patio/base/digest.hpp>
#include <patio/protocol/login.hpp>

#include "broker_under_attack.hpp"
#include "hex.hpp"
#include "login_payload.hpp"

using namespace patio;
using namespace patio::protocol;
using namespace patio::tests;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

/// The default lets the log name hundreds of peers in a second.
tcp_options options_with_key(std::size_t log_lines = 1000) {
  tcp_options o;
  o.key = login_key;
  o.limits.log_lines = log_lines;
  return o;
}

/// A node with a key. Hostile peers make logins from the node's challenge.
struct login_fixture : broker_under_attack {
  explicit login_fixture(const tcp_options& options = options_with_key())
      : broker_under_attack{options} {}

  template <class Make>
  raw_peer send_login(Make make) {
    auto peer = hostile_peer();
    auto challenge = peer.receive().payload;
    try {
      peer.send(packet::auth_request, 1, make(challenge));
    } catch (const std::runtime_error&) {
      // A megabyte is refused at its header, perhaps before its last byte was sent.
    }
    return peer;
  }
  /// Checks that the peer is closed without a frame, and that the log says why.
  template <class Make>
  void check_refused(Make make, const std::string& why) {
    auto peer = send_login(make);
    check_silent_close(peer);
    check_logged(why);
  }
  static void check_silent_close(raw_peer& peer) {
    try {
      (void)peer.receive();
      FAIL_CHECK("the peer was sent a frame");
    } catch (const std::runtime_error& e) {
      CHECK(std::string{e.what()} == "the peer has closed");
    }
  }
  ~login_fixture() {
    check_nothing_left();
    check_undisturbed();
  }
};

const std::string not_three_strings = "the login is not a tuple of three byte strings";
const std::string other_challenge = "the login does not answer the challenge that was sent";

/// Lets a client with a key dial a hostile server. `play` is the server's part.
template <class Play>
void check_login_fails(Play play) {
  raw_listener listener;
  tcp_node client{registry{}, options_with_key()};
  auto login = patio::connect(client.broker(), listener.where(),
                              {.gives_up = patio::give_up::at_first_failure});
  auto server = listener.accept();
  play(server);
  CHECK(ended(login).error().code == errc::login_refused);
}

} // namespace

TEST_CASE("A1 a login that was recorded on one connection is refused on another") {
  login_fixture node;
  auto peer = node.hostile_peer();
  auto recorded = peer.prove(login_key);
  node.check_refused([&](const std::string&) { return recorded; }, other_challenge);
}

TEST_CASE("A2 a valid digest of a token that the peer chose itself is refused") {
  login_fixture node;
  for (const auto& challenge : {login_challenge("0123456789abcdef"), ""s})
    node.check_refused(
      [&](const std::string&) { return login_answer(challenge, login_key, login_salt); },
      other_challenge);
}

TEST_CASE("A3 a digest of the bare token instead of the challenge's bytes is refused") {
  login_fixture node;
  node.check_refused(
    [&](const std::string& challenge) {
      auto token = std::string{read_pickle(challenge)->data()};
      return login_payload(login_salt, blake2s(token, login_key, login_salt), token);
    },
    other_challenge);
}

TEST_CASE("A4 a digest with any single bit flipped is refused") {
  login_fixture node;
  for (std::size_t bit = 0; bit < 256; ++bit) {
    auto peer = node.send_login([&](const std::string& challenge) {
      auto digest = blake2s(challenge, login_key, login_salt);
      digest[bit / 8] = static_cast<char>(digest[bit / 8] ^ (1 << (bit % 8)));
      return login_payload(login_salt, digest, challenge);
    });
    node.check_silent_close(peer);
  }
  node.check_logged("wrong key");
}

TEST_CASE(
  "A5 digests and salts of wrong lengths are refused; salts of 0 and 8 bytes are accepted") {
  login_fixture node;
  for (std::size_t n : {0, 31, 33})
    node.check_refused(
      [&](const std::string& challenge) {
        return login_payload(login_salt, std::string(n, 'd'), challenge);
      },
      "wrong key");
  node.check_refused(
    [&](const std::string& challenge) {
      return login_payload(login_salt, std::string(1 << 20, 'd'), challenge);
    },
    "is over the limit of 1024");
  node.check_refused(
    [&](const std::string& challenge) {
      return login_payload(std::string(9, 's'), std::string(32, 'd'), challenge);
    },
    "the login's salt has more than 8 bytes");
  for (std::size_t n : {0, 8}) {
    auto peer = node.send_login([&](const std::string& challenge) {
      return login_answer(challenge, login_key, std::string(n, 's'));
    });
    CHECK(peer.receive().type == packet::auth_ok);
  }
}

TEST_CASE("A6 a login that is not a tuple of three byte strings is refused without being decoded") {
  login_fixture node;
  auto check = [&](auto make) {
    node.check_refused(
      [&](const std::string& challenge) {
        return pickle_of(make(value::bytes(login_salt),
                              value::bytes(blake2s(challenge, login_key, login_salt)),
                              value::bytes(challenge)));
      },
      not_three_strings);
  };
  using v = const value&;
  check([](v a, v b, v c) { return value::list({a, b, c}); });
  check([](v a, v b, v) { return value::tuple({a, b}); });
  check([](v a, v b, v c) { return value::tuple({a, b, c, c}); });
  check([](v, v b, v c) { return value::tuple({"salt", b, c}); });
  check([](v a, v b, v) { return value::tuple({a, b, "0123456789abcdef"}); });
  check([](v a, v b, v c) {
    return value::tuple({value::bytes(pickle_of(value::tuple({a, b, c})))});
  });
  check([](v a, v b, v c) { return value::tuple({value::tuple({a, b, c})}); });
  check([](v a, v b, v c) {
    return value::tuple({a, value::bytearray(std::string{b.data()}), c});
  });
  check([](v, v, v) { return value{}; });
}

TEST_CASE("A7 a pickle that names code is refused without being decoded") {
  login_fixture node;
  for (auto gadget :
       {"80048c0673687574696c8c086f732e6d6b646972938c042f746d7085522e", "636f730a73797374656d0a2e",
        "80048c086275696c74696e738c046576616c932e", "28696f730a73797374656d0a2e"})
    node.check_refused([&](const std::string&) { return from_hex(gadget); }, not_three_strings);
}

TEST_CASE("A8 a connection gets no second attempt to log in") {
  login_fixture node;
  auto peer = node.hostile_peer();
  auto challenge = peer.receive().payload;
  std::string both;
  for (const auto& tried : {"wrong"s, login_key})
    both += frame_of(packet::auth_request, 1, login_answer(challenge, tried, login_salt));
  // One segment holds both logins, so that the second arrives before the first is refused.
  peer.send_bytes(both);
  node.check_silent_close(peer);
  node.check_logged("wrong key");
}

TEST_CASE("A9 a login that is sent before the challenge has arrived is refused") {
  login_fixture node;
  auto peer = node.hostile_peer();
  peer.send(packet::auth_request, 1,
            login_answer(login_challenge("0123456789abcdef"), login_key, login_salt));
  CHECK(peer.receive().type == packet::auth_digest);
  node.check_silent_close(peer);
  node.check_logged(other_challenge);
}

TEST_CASE("A10 a broker with a key of more than 32 bytes is not spawned") {
  system_config config;
  caf::actor_system system{config};
  tcp_options options;
  options.key = std::string(33, 'k');
  CHECK_THROWS_WITH_AS((void)spawn_tcp_broker(system, null_executor(), options),
                       "a key has at most 32 bytes, not 33", std::invalid_argument);
}

TEST_CASE("A11 a client answers any challenge of at most 1 KiB without decoding it") {
  login_fixture node;
  for (const auto& challenge :
       {"no pickle"s, from_hex("80048c026f738c0673797374656d938c02696485522e"),
        std::string(1024, 'x')})
    check_login_fails([&](raw_peer& server) {
      server.send(packet::auth_digest, 1, challenge);
      CHECK(server.receive().payload.find(challenge) != std::string::npos); // sent back unchanged
      server.send(packet::error, 2, none);
      server.await_close();
    });
  for (std::size_t n : {std::size_t{0}, std::size_t{1025}, std::size_t{1} << 20})
    check_login_fails([&](raw_peer& server) {
      try {
        server.send(packet::auth_digest, 1, std::string(n, 'x'));
      } catch (const std::runtime_error&) { // the client closed at the header
      }
      server.await_close();
    });
}

TEST_CASE("A12 refused logins from one host write at most ten log lines a second, and the next "
          "line has the number of suppressed lines") {
  login_fixture node{options_with_key(limits{}.log_lines)};
  auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 300; ++i) {
    raw_peer peer{node.where, "127.2.0.1"};
    peer.send(packet::auth_request, 1, none);
    peer.await_close();
  }
  auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  auto lines_of_host = [&] {
    auto all = node.log.lines();
    return std::count_if(all.begin(), all.end(), [](const std::string& l) {
      return l.find("peer=127.2.0.1:") != std::string::npos;
    });
  };
  CHECK(lines_of_host() >= 10);
  CHECK(static_cast<double>(lines_of_host()) <= 10 * (seconds + 2));
  raw_peer other{node.where, "127.2.0.2"}; // the limit is per host
  other.send(packet::auth_request, 1, none);
  other.await_close();
  CHECK(node.log.await("peer=127.2.0.2:").find("lines_left_out=") != std::string::npos);
}

TEST_CASE(
  "A12 refused logins from any number of hosts write at most a hundred log lines a second") {
  login_fixture node{options_with_key(10)};
  auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 500; ++i) {
    auto peer = node.hostile_peer();
    peer.send(packet::auth_request, 1, none);
    peer.await_close();
  }
  auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  auto lines = node.log.lines().size();
  CHECK(lines >= 100);
  CHECK(static_cast<double>(lines) <= 100 * (seconds + 2));
}

TEST_CASE("A12 challenges do not repeat in 2,000 connections and in a million random draws") {
  {
    login_fixture node;
    std::unordered_set<std::string> seen;
    for (int i = 0; i < 2000; ++i) seen.insert(raw_peer{node.where}.receive().payload);
    CHECK(seen.size() == 2000);
  }
  std::unordered_set<std::string> tokens;
  for (int i = 0; i < 1'000'000; ++i) tokens.insert(random_bytes(token_size));
  CHECK(tokens.size() == 1'000'000);
}
