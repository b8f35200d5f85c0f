// Logins that prove nothing, against a running node that listens, and challenges that are none,
// against one that dials. What needs no socket of these cases is in
// tests/libpatio/protocol/login_test.cpp.
#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <unordered_set>

#include <patio/base/digest.hpp>
#include <patio/protocol/login.hpp>

#include "broker_under_attack.hpp"
#include "hex.hpp"
#include "seed.hpp"

using namespace patio;
using namespace patio::protocol;
using namespace patio::tests;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

const std::string key = "secret";
const std::string salt = "salt";

tcp_options keyed(std::size_t log_lines = 1000) { // enough to name hundreds within a second
  tcp_options o;
  o.key = key;
  o.limits.log_lines = log_lines;
  return o;
}

std::string triple(const std::string& with_salt, const std::string& digest,
                   const std::string& about) {
  return pickle_of(
    value::tuple({value::bytes(with_salt), value::bytes(digest), value::bytes(about)}));
}

/// A node with a key, to which strangers bring logins made from its challenge.
struct gate : town {
  explicit gate(const tcp_options& options = keyed()) : town{options} {}

  template <class Make>
  raw_peer bring(Make make) {
    auto peer = stranger();
    auto challenge = peer.receive().payload;
    try {
      peer.send(packet::auth_request, 1, make(challenge));
    } catch (const std::runtime_error&) { // a megabyte is refused at its header, perhaps before its
                                          // last byte was sent
    }
    return peer;
  }
  /// Closed without a word to the peer; the log says why.
  template <class Make>
  void refuses(Make make, const std::string& why) {
    auto peer = bring(make);
    check_silent_close(peer);
    check_named(why);
  }
  static void check_silent_close(raw_peer& peer) {
    try {
      (void)peer.receive();
      FAIL_CHECK("the peer was sent a frame");
    } catch (const std::runtime_error& e) {
      CHECK(std::string{e.what()} == "the peer has closed");
    }
  }
  ~gate() {
    check_nothing_left();
    check_undisturbed();
  }
};

const std::string not_three = "the login is not a tuple of three byte strings";
const std::string other_challenge = "the login answers another challenge than the one sent";

/// Welch's t of the two classes of times, without the slowest tenth, which is the scheduler's.
double welch(std::vector<double> a, std::vector<double> b) {
  auto cut = [](std::vector<double>& v) {
    std::sort(v.begin(), v.end());
    v.resize(v.size() - v.size() / 10);
  };
  cut(a), cut(b);
  auto moments = [](const std::vector<double>& v) {
    double mean = 0, square = 0;
    for (auto x : v) mean += x / static_cast<double>(v.size());
    for (auto x : v) square += (x - mean) * (x - mean) / static_cast<double>(v.size() - 1);
    return std::pair{mean, square / static_cast<double>(v.size())};
  };
  auto [mean_a, error_a] = moments(a);
  auto [mean_b, error_b] = moments(b);
  return (mean_a - mean_b) / std::sqrt(error_a + error_b);
}

/// How much the time of `check` tells of where a guess begins to be wrong. In random order, so that
/// load falls on both alike.
template <class Prepare, class Check>
double told_once(std::mt19937_64& random, int samples, Prepare prepare, Check check) {
  std::vector<double> early, late;
  for (int i = 0; i < samples; ++i) {
    bool at_the_end = random() % 2 == 0;
    prepare(at_the_end); // in the same place: where bytes lie tells as well
    auto begin = std::chrono::steady_clock::now();
    check();
    std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    (at_the_end ? late : early).push_back(took.count());
  }
  return std::abs(welch(early, late));
}

/// The least of several measurements: what the code tells it tells each time, and what a busy
/// machine adds it does not.
template <class Prepare, class Check>
double told_by_time(std::mt19937_64& random, int samples, Prepare prepare, Check check) {
  auto least = told_once(random, samples, prepare, check);
  for (int again = 0; again < 4 && least >= 4.5; ++again)
    least = std::min(least, told_once(random, samples, prepare, check));
  return least;
}

} // namespace

TEST_CASE("A1 a recorded login is refused on another connection") {
  gate g;
  auto peer = g.stranger();
  auto recorded = peer.prove(key);
  g.refuses([&](const std::string&) { return recorded; }, other_challenge);
}

TEST_CASE("A2 a valid digest over a token of one's own is refused") {
  gate g;
  auto mine = login_challenge("0123456789abcdef");
  g.refuses([&](const std::string&) { return login_answer(mine, key, salt); }, other_challenge);
  g.refuses([&](const std::string&) { return login_answer("", key, salt); }, other_challenge);
}

TEST_CASE("A3 the raw token instead of the challenge's bytes is refused") {
  gate g;
  g.refuses(
    [&](const std::string& challenge) {
      auto token = std::string{read_pickle(challenge)->data()};
      return triple(salt, blake2s(token, key, salt), token);
    },
    other_challenge);
}

TEST_CASE("A4 a digest with any one bit turned is refused") {
  gate g;
  for (std::size_t bit = 0; bit < 256; ++bit) {
    auto peer = g.bring([&](const std::string& challenge) {
      auto digest = blake2s(challenge, key, salt);
      digest[bit / 8] = static_cast<char>(digest[bit / 8] ^ (1 << (bit % 8)));
      return triple(salt, digest, challenge);
    });
    g.check_silent_close(peer);
  }
  g.check_named("wrong key");
}

TEST_CASE("A4 the time of a refusal does not tell how much of the digest was right") {
  auto seed = test_seed();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  auto challenge = login_challenge("0123456789abcdef"), right = blake2s(challenge, key, salt);
  auto first = right, last = right;
  first[0] = static_cast<char>(first[0] ^ 1);
  last[31] = static_cast<char>(last[31] ^ 1);
  auto early = triple(salt, first, challenge), late = triple(salt, last, challenge);
  auto answer = early;
  auto bring = [&](bool end) {
    std::copy_n((end ? late : early).begin(), answer.size(), answer.begin());
  };
  CHECK(told_by_time(random, 10'000, bring, [&] { (void)check_login(answer, challenge, key); })
        < 4.5);
  // 32 bytes are soon compared, so that the same is asked of what compares them with bytes enough
  // to be seen.
  std::string whole(65'536, 'x'), guess = whole;
  bool equal = false;
  auto spoil = [&](bool end) { guess.front() = end ? 'x' : 'y', guess.back() = end ? 'y' : 'x'; };
  auto compare = [&] { equal |= equal_in_constant_time(guess, whole); };
  CHECK(told_by_time(random, 2000, spoil, compare) < 4.5);
  CHECK_FALSE(equal);
}

TEST_CASE(
  "A5 digests and salts of other lengths are refused, but for the salts that BLAKE2s takes") {
  gate g;
  for (std::size_t n : {0, 31, 33})
    g.refuses(
      [&](const std::string& challenge) { return triple(salt, std::string(n, 'd'), challenge); },
      "wrong key");
  g.refuses(
    [&](const std::string& challenge) {
      return triple(salt, std::string(1 << 20, 'd'), challenge);
    },
    "is over the limit of 1024");
  g.refuses(
    [&](const std::string& challenge) {
      return triple(std::string(9, 's'), std::string(32, 'd'), challenge);
    },
    "the login's salt has more than 8 bytes");
  for (std::size_t n : {0, 8}) {
    auto peer = g.bring([&](const std::string& challenge) {
      return login_answer(challenge, key, std::string(n, 's'));
    });
    CHECK(peer.receive().type == packet::auth_ok);
  }
}

TEST_CASE("A6 anything but a tuple of three byte strings is refused unread") {
  gate g;
  auto with = [&](auto make) {
    g.refuses(
      [&](const std::string& challenge) {
        return pickle_of(make(value::bytes(salt), value::bytes(blake2s(challenge, key, salt)),
                              value::bytes(challenge)));
      },
      not_three);
  };
  using v = const value&;
  with([](v a, v b, v c) { return value::list({a, b, c}); });
  with([](v a, v b, v) { return value::tuple({a, b}); });
  with([](v a, v b, v c) { return value::tuple({a, b, c, c}); });
  with([](v, v b, v c) { return value::tuple({"salt", b, c}); });
  with([](v a, v b, v) { return value::tuple({a, b, "0123456789abcdef"}); });
  with([](v a, v b, v c) {
    return value::tuple({value::bytes(pickle_of(value::tuple({a, b, c})))});
  });
  with([](v a, v b, v c) { return value::tuple({value::tuple({a, b, c})}); });
  with([](v a, v b, v c) { return value::tuple({a, value::bytearray(std::string{b.data()}), c}); });
  with([](v, v, v) { return value{}; });
}

TEST_CASE("A7 a pickle that names code is refused unread") {
  gate g;
  for (auto gadget :
       {"80048c0673687574696c8c086f732e6d6b646972938c042f746d7085522e", "636f730a73797374656d0a2e",
        "80048c086275696c74696e738c046576616c932e", "28696f730a73797374656d0a2e"})
    g.refuses([&](const std::string&) { return from_hex(gadget); }, not_three);
}

TEST_CASE("A8 there is no second attempt on a connection") {
  gate g;
  auto peer = g.stranger();
  auto challenge = peer.receive().payload;
  std::string both;
  for (const auto& with : {"wrong"s, key})
    both += frame_of(packet::auth_request, 1, login_answer(challenge, with, salt));
  peer.send_bytes(both); // in one segment, so that the second is there before the first is refused
  g.check_silent_close(peer);
  g.check_named("wrong key");
}

TEST_CASE("A9 a login sent before the challenge has come is refused") {
  gate g;
  auto peer = g.stranger();
  peer.send(packet::auth_request, 1, login_answer(login_challenge("0123456789abcdef"), key, salt));
  CHECK(peer.receive().type == packet::auth_digest);
  g.check_silent_close(peer);
  g.check_named(other_challenge);
}

TEST_CASE("A10 a key of more than 32 bytes is a wrong configuration and no node") {
  system_config config;
  caf::actor_system system{config};
  tcp_options options;
  options.key = std::string(33, 'k');
  CHECK_THROWS_WITH_AS((void)spawn_tcp_broker(system, null_executor(), options),
                       "a key has at most 32 bytes, not 33", std::invalid_argument);
}

TEST_CASE("A11 a client answers a challenge of at most 1 KiB, whatever it says, and decodes "
          "nothing of it") {
  gate g;
  auto dialled_by = [&](auto play) {
    raw_listener door;
    tcp_node client{registry{}, keyed()};
    auto login = patio::connect(client.broker(), door.where().host, door.where().port,
                                {.until_connected = false});
    auto rogue = door.accept();
    play(rogue);
    CHECK(ended(login).error().code == errc::login_refused);
  };
  for (const auto& challenge :
       {"no pickle"s, from_hex("80048c026f738c0673797374656d938c02696485522e"),
        std::string(1024, 'x')})
    dialled_by([&](raw_peer& rogue) {
      rogue.send(packet::auth_digest, 1, challenge);
      CHECK(rogue.receive().payload.find(challenge)
            != std::string::npos); // opaque: it goes back as it came
      rogue.send(packet::error, 2, none);
      rogue.await_close();
    });
  for (std::size_t n : {std::size_t{0}, std::size_t{1025}, std::size_t{1} << 20})
    dialled_by([&](raw_peer& rogue) {
      try {
        rogue.send(packet::auth_digest, 1, std::string(n, 'x'));
      } catch (const std::runtime_error&) { // closed at the header
      }
      rogue.await_close();
    });
}

TEST_CASE("A12 refused logins of one host make at most ten log lines a second, and the next line "
          "counts the rest") {
  gate g{keyed(limits{}.log_lines)};
  auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 300; ++i) {
    raw_peer peer{g.where, "127.2.0.1"};
    peer.send(packet::auth_request, 1, none);
    peer.await_close();
  }
  auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  auto of_host = [&] {
    auto all = g.log.lines();
    return std::count_if(all.begin(), all.end(), [](const std::string& l) {
      return l.find("peer=127.2.0.1:") != std::string::npos;
    });
  };
  CHECK(of_host() >= 10);
  CHECK(static_cast<double>(of_host()) <= 10 * (seconds + 2));
  raw_peer other{g.where, "127.2.0.2"}; // another host is not silenced by it
  other.send(packet::auth_request, 1, none);
  other.await_close();
  CHECK(g.log.await("peer=127.2.0.2:").find("lines_left_out=") != std::string::npos);
}

TEST_CASE("A12 refused logins of any number of hosts make at most a hundred log lines a second") {
  gate g{keyed(10)};
  auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 500; ++i) {
    auto peer = g.stranger();
    peer.send(packet::auth_request, 1, none);
    peer.await_close();
  }
  auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  auto lines = g.log.lines().size();
  CHECK(lines >= 100);
  CHECK(static_cast<double>(lines) <= 100 * (seconds + 2));
}

TEST_CASE("A12 no two connections are given the same challenge, nor a million of them") {
  {
    gate g;
    std::unordered_set<std::string> seen;
    for (int i = 0; i < 2000; ++i) seen.insert(raw_peer{g.where}.receive().payload);
    CHECK(seen.size() == 2000);
  }
  std::unordered_set<std::string> tokens; // drawn as the node draws them
  for (int i = 0; i < 1'000'000; ++i) tokens.insert(random_bytes(token_size));
  CHECK(tokens.size() == 1'000'000);
}
