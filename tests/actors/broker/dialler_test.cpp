// When a node dials again, and what the dialler reports. These decisions need no socket.
#include <doctest/doctest.h>

#include <vector>

#include <patio/actors/broker/dialler.hpp>

using namespace patio;
using namespace std::chrono_literals;

namespace {

const error unreachable{errc::connect_failed, "cannot connect", {}};

/// A dialler with one dial, and the answers that the dial has got.
struct one_dial {
  dialler d{{.first_delay = 100ms, .longest_delay = 400ms, .refused_delay = 5s}};
  std::vector<result<peer_info>> answers;
  std::uint64_t number;

  explicit one_dial(give_up gives_up = give_up::no)
      : number{d.add(
        {{"host", 15383}, {gives_up}},
        [this](result<peer_info> r) { answers.push_back(std::move(r)); }, 1)} {}
};

} // namespace

TEST_CASE("dialler: each dial has its own number and target") {
  one_dial dial;
  auto other = dial.d.add({{"other", 1}, {}}, nullptr, 2);
  CHECK(other != dial.number);
  CHECK(dial.d.find(other)->where.host == "other");
  CHECK(dial.d.find(dial.number)->where.host == "host");
  CHECK(dial.d.find(other + 1) == nullptr);
  CHECK_FALSE(dial.d.failed(other + 1, unreachable));
}

TEST_CASE("dialler: the wait doubles with each failure up to its bound") {
  one_dial dial;
  for (auto bound : {100ms, 200ms, 400ms, 400ms}) {
    auto retry = dial.d.failed(dial.number, unreachable);
    REQUIRE(retry);
    CHECK(retry->wait <= bound);
    CHECK(retry->wait >= bound / 2);
  }
  CHECK(dial.answers.empty());
}

TEST_CASE("dialler: a refused login waits longer") {
  one_dial dial;
  auto wait = dial.d.failed(dial.number, {errc::login_refused, "wrong key", {}})->wait;
  CHECK(wait >= 5s);
  CHECK(wait <= 10s);
}

TEST_CASE(
  "dialler: a failure is reported once, and again only after a connection of more than a second") {
  one_dial dial;
  CHECK(dial.d.failed(dial.number, unreachable)->is_news);
  CHECK_FALSE(dial.d.failed(dial.number, unreachable)->is_news);

  dial.d.lost(dial.number, 1s);
  CHECK_FALSE(dial.d.failed(dial.number, unreachable)->is_news);

  dial.d.lost(dial.number, 1001ms);
  auto retry = dial.d.failed(dial.number, unreachable);
  CHECK(retry->is_news);
  CHECK(retry->wait <= 100ms);
}

TEST_CASE("dialler: the first login is reported once, and afterwards the dial is repeated after "
          "every failure") {
  one_dial dial{give_up::at_first_failure};
  dial.d.logged_in(dial.number, {.id = 7});
  dial.d.logged_in(dial.number, {.id = 8});
  REQUIRE(dial.answers.size() == 1);
  CHECK(dial.answers[0]->id == 7);
  CHECK(dial.d.failed(dial.number, unreachable));
  dial.d.shut_down();
  CHECK(dial.answers.size() == 1);
}

TEST_CASE("dialler: a dial ends at a refused login, and goes on after other failures") {
  error lost{errc::login_refused, "the peer closed the connection", {}};
  auto refused = lost;
  refused.remedy = remedy::login;

  one_dial dial{give_up::when_refused};
  CHECK(dial.d.failed(dial.number, unreachable));
  CHECK(dial.d.failed(dial.number, lost));
  CHECK(dial.answers.empty());
  CHECK_FALSE(dial.d.failed(dial.number, refused));
  REQUIRE(dial.answers.size() == 1);
  CHECK(dial.answers[0].error() == refused);

  one_dial later{give_up::when_refused};
  later.d.logged_in(later.number, {.id = 7});
  CHECK(later.d.failed(later.number, refused)); // the key may be mended
}

TEST_CASE("dialler: a dial that gives up at the first failure ends there") {
  one_dial dial{give_up::at_first_failure};
  CHECK_FALSE(dial.d.failed(dial.number, unreachable));
  REQUIRE(dial.answers.size() == 1);
  CHECK(dial.answers[0].error().code == errc::connect_failed);
  CHECK(dial.d.find(dial.number) == nullptr);
}

TEST_CASE("dialler: a dial that waits for its login ends with shut_down") {
  one_dial dial;
  (void)dial.d.add({{"other", 1}, {}}, nullptr, 2);
  dial.d.shut_down();
  REQUIRE(dial.answers.size() == 1);
  CHECK(dial.answers[0].error().code == errc::shut_down);
}

TEST_CASE("dialler: a failed login leads to the host's other addresses at once, without news") {
  one_dial dial{give_up::at_first_failure};
  dial.d.reached(dial.number, "10.0.0.1:15383", true);
  auto retry = dial.d.failed(dial.number, {errc::login_refused, "wrong key", {}});
  REQUIRE(retry);
  CHECK(retry->wait == 0ns);
  CHECK_FALSE(retry->is_news);
  CHECK(dial.d.avoided(dial.number) == std::vector<std::string>{"10.0.0.1:15383"});
  CHECK(dial.answers.empty());

  dial.d.reached(dial.number, "10.0.0.2:15383", false);
  CHECK_FALSE(dial.d.failed(dial.number, {errc::login_refused, "no login within 5s", {}}));
  REQUIRE(dial.answers.size() == 1);
  CHECK(dial.answers[0].error().code == errc::login_refused);
  CHECK(text_of(dial.answers[0].error())
        == "10.0.0.1:15383: wrong key; 10.0.0.2:15383: no login within 5s");
}

TEST_CASE("dialler: once all addresses have failed, the next dial tries all of them again") {
  one_dial dial;
  dial.d.reached(dial.number, "10.0.0.1:15383", true);
  CHECK(dial.d.failed(dial.number, {errc::login_refused, "wrong key", {}})->wait == 0ns);
  auto last = dial.d.failed(dial.number, unreachable);
  REQUIRE(last);
  CHECK(last->is_news);
  CHECK(last->wait > 0ns);
  CHECK(last->why.message == "10.0.0.1:15383: wrong key; cannot connect");
  CHECK(dial.d.avoided(dial.number).empty());
}

TEST_CASE("dialler: a login clears what is known against other addresses") {
  one_dial dial;
  dial.d.reached(dial.number, "10.0.0.1:15383", true);
  CHECK(dial.d.failed(dial.number, {errc::login_refused, "wrong key", {}}));
  dial.d.reached(dial.number, "10.0.0.2:15383", true);
  dial.d.logged_in(dial.number, {.id = 7});
  CHECK(dial.d.avoided(dial.number).empty());
  auto loss = dial.d.failed(dial.number, {errc::protocol, "the peer closed the connection", {}});
  CHECK(loss->is_news); // and not an attempt at the next address
  CHECK(text_of(loss->why) == "10.0.0.2:15383: the peer closed the connection");
}

TEST_CASE("dialler: a host with ever new addresses is not dialled without a pause forever") {
  one_dial dial;
  std::size_t at_once = 0;
  for (int i = 0; i < 40; ++i) {
    dial.d.reached(dial.number, "10.0.0." + std::to_string(i) + ":15383", true);
    at_once += dial.d.failed(dial.number, unreachable)->wait == 0ns;
  }
  CHECK(at_once >= 30);
  CHECK(at_once < 40);
  CHECK(dial.d.avoided(dial.number).size() <= 16);
}

TEST_CASE("dialler: a numeric target is not named twice in its errors") {
  dialler d{{}};
  auto number = d.add({{"10.0.0.1", 15383}, {}}, nullptr, 1);
  d.reached(number, "10.0.0.1:15383", false);
  CHECK(text_of(d.failed(number, unreachable)->why) == "cannot connect");
}
