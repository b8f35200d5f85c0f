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

  explicit one_dial(bool until_connected = true)
      : number{d.add(
        {{"host", 15383}, {until_connected}},
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
  CHECK(dial.d.failed(dial.number, {errc::login_refused, "wrong key", {}})->wait == 5s);
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
  one_dial dial{false};
  dial.d.logged_in(dial.number, {.id = 7});
  dial.d.logged_in(dial.number, {.id = 8});
  REQUIRE(dial.answers.size() == 1);
  CHECK(dial.answers[0]->id == 7);
  CHECK(dial.d.failed(dial.number, unreachable));
  dial.d.shut_down();
  CHECK(dial.answers.size() == 1);
}

TEST_CASE("dialler: a dial with until_connected false ends at its first failure") {
  one_dial dial{false};
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
