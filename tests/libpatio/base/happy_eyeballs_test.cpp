// Which address of a host is dialled when, in virtual time.
#include <patio/base/happy_eyeballs.hpp>

#include <doctest/doctest.h>

#include <map>
#include <random>

#include "seed.hpp"

using namespace patio;
using namespace std::chrono_literals;

namespace {

/// One letter an address, 4 or 6 for its family. Address i is named a0, a1 and so on.
std::vector<dial_address> addresses(std::string_view families) {
  std::vector<dial_address> all;
  for (char c : families)
    all.push_back({c == '6' ? ip_family::v6 : ip_family::v4, "a" + std::to_string(all.size())});
  return all;
}

using indexes = std::vector<std::size_t>;

indexes begin_all(happy_eyeballs& race, instant now) {
  indexes begun;
  while (auto next = race.begin_next(now)) begun.push_back(*next);
  return begun;
}

/// What an address does with an attempt.
struct behaviour {
  enum { accepts, refuses, drops } kind;
  std::chrono::nanoseconds after;
};

/// What a dial came to, and when.
struct ending {
  std::optional<std::size_t> connected;
  instant at;
  std::vector<std::pair<instant, std::size_t>> begun;
  std::vector<instant> failures;
  std::string why;
};

/// Plays the owner: begins what is due, and tells the machine what becomes of the attempts.
ending play(const std::vector<dial_address>& hosts, const std::vector<behaviour>& world,
            instant deadline) {
  happy_eyeballs race{hosts, deadline};
  ending e{};
  std::multimap<instant, std::size_t> due;
  for (instant now{}; !race.is_over(now);) {
    while (auto next = race.begin_next(now)) {
      e.begun.emplace_back(now, *next);
      if (world[*next].kind != behaviour::drops) due.emplace(now + world[*next].after, *next);
    }
    auto event = due.begin();
    if (event == due.end() || event->first > race.wake_at()) {
      now = e.at = race.wake_at();
      continue;
    }
    auto [at, index] = *event;
    due.erase(event);
    now = e.at = at;
    if (now >= deadline) break;
    if (world[index].kind == behaviour::accepts) {
      e.connected = index;
      return e;
    }
    e.failures.push_back(now);
    race.failed(index, "refused", now);
  }
  e.why = race.failures();
  return e;
}

} // namespace

TEST_CASE("happy_eyeballs: the families take turns, beginning with the family of the first") {
  CHECK(interleaved(addresses("")) == indexes{});
  CHECK(interleaved(addresses("4")) == indexes{0});
  CHECK(interleaved(addresses("6644")) == indexes{0, 2, 1, 3});
  CHECK(interleaved(addresses("4466")) == indexes{0, 2, 1, 3});
  CHECK(interleaved(addresses("6666")) == indexes{0, 1, 2, 3});
  CHECK(interleaved(addresses("466666")) == indexes{0, 1, 2, 3, 4, 5});
  CHECK(interleaved(addresses("66664")) == indexes{0, 4, 1, 2, 3});
}

TEST_CASE("happy_eyeballs: a silent address has 250 ms before the next attempt begins beside it") {
  happy_eyeballs race{addresses("6644"), 5s};
  CHECK(begin_all(race, 0ms) == indexes{0});
  CHECK(race.wake_at() == 250ms);
  CHECK(begin_all(race, 249ms) == indexes{});
  CHECK(begin_all(race, 250ms) == indexes{2});
  CHECK(race.wake_at() == 500ms);
  CHECK(begin_all(race, 900ms) == indexes{1}); // a late owner begins one attempt, not two
  CHECK(race.wake_at() == 1150ms);
  CHECK(begin_all(race, 1150ms) == indexes{3});
  CHECK(race.wake_at() == 5s);
  CHECK_FALSE(race.is_over(4999ms));
  CHECK(race.is_over(5s));
}

TEST_CASE("happy_eyeballs: a failure begins the next attempt at once") {
  happy_eyeballs race{addresses("644"), 5s};
  CHECK(begin_all(race, 0ms) == indexes{0});
  race.failed(0, "Network is unreachable", 1ms);
  CHECK(race.wake_at() == 1ms);
  CHECK(begin_all(race, 1ms) == indexes{1});
  CHECK(race.wake_at() == 251ms);
  CHECK_FALSE(race.is_over(1ms));
  race.failed(1, "Connection refused", 2ms);
  CHECK(begin_all(race, 2ms) == indexes{2});
  CHECK(race.remaining() == 1);
  race.failed(2, "Connection refused", 3ms);
  CHECK(race.remaining() == 0);
  CHECK(race.is_over(3ms)); // long before the deadline
}

TEST_CASE("happy_eyeballs: the failure of an earlier attempt begins the next one, too") {
  happy_eyeballs race{addresses("444"), 5s};
  CHECK(begin_all(race, 0ms) == indexes{0});
  CHECK(begin_all(race, 250ms) == indexes{1});
  race.failed(0, "Connection refused", 260ms);
  CHECK(begin_all(race, 260ms) == indexes{2});
  CHECK_FALSE(race.is_over(260ms)); // two attempts are open
}

TEST_CASE("happy_eyeballs: the failures name each address and its reason in the attempts' order") {
  happy_eyeballs race{addresses("6644"), 600ms};
  (void)begin_all(race, 0ms);
  race.failed(0, "Connection refused", 1ms);
  (void)begin_all(race, 1ms);
  (void)begin_all(race, 251ms);
  CHECK(race.is_over(600ms));
  CHECK(begin_all(race, 600ms) == indexes{});
  CHECK(race.failures()
        == "a0: Connection refused; a2: no answer in time; a1: no answer in time; a3: not tried in "
           "time");
}

TEST_CASE("happy_eyeballs: a failure that is reported twice, or before its attempt, counts once") {
  happy_eyeballs race{addresses("44"), 5s};
  race.failed(0, "early", 0ms);
  CHECK(begin_all(race, 0ms) == indexes{0});
  race.failed(0, "once", 1ms);
  race.failed(0, "twice", 1ms);
  CHECK_FALSE(race.is_over(1ms));
  CHECK(begin_all(race, 1ms) == indexes{1});
  CHECK(race.failures() == "a0: once; a1: no answer in time");
}

TEST_CASE("happy_eyeballs: an error of very many addresses stays one line that can be read") {
  happy_eyeballs race{addresses(std::string(1000, '4')), 5s};
  for (std::size_t i = 0; i < 1000; ++i) {
    CHECK(begin_all(race, 1ms) == indexes{i});
    race.failed(i, "no", 1ms);
  }
  CHECK(race.is_over(1ms));
  CHECK(race.failures().find("a15: no; and 984 more addresses") != std::string::npos);
}

TEST_CASE("happy_eyeballs: without an address it is over at once") {
  happy_eyeballs race{{}, 5s};
  CHECK_FALSE(race.begin_next(0ms));
  CHECK(race.is_over(0ms));
  CHECK(race.failures() == "the host has no address");
}

TEST_CASE("happy_eyeballs: a deadline of never neither overflows nor ends") {
  happy_eyeballs race{addresses("4"), never};
  CHECK(begin_all(race, never - 1ns) == indexes{0});
  CHECK(race.wake_at() == never);
  CHECK_FALSE(race.is_over(never - 1ns));
}

TEST_CASE("happy_eyeballs: one good address among silent ones is reached before the deadline") {
  for (std::size_t good = 0; good < 6; ++good) {
    std::vector<behaviour> world(6, {behaviour::drops, {}});
    world[good] = {behaviour::accepts, 30ms};
    auto e = play(addresses("666444"), world, 5s);
    CHECK(e.connected == good);
    CHECK(e.at <= 5 * 250ms + 30ms);
  }
}

TEST_CASE("happy_eyeballs: in any world each address is tried in its turn, in time and only once") {
  auto seed = test_seed();
  INFO("PATIO_TEST_SEED=" << seed);
  std::mt19937_64 random{seed};
  auto up_to = [&](std::uint64_t n) { return random() % (n + 1); };
  for (int round = 0; round < 2000; ++round) {
    std::string families;
    std::vector<behaviour> world;
    for (auto n = up_to(7); families.size() < n;) {
      families += up_to(1) ? '6' : '4';
      world.push_back({static_cast<decltype(behaviour::kind)>(up_to(2)),
                       std::chrono::nanoseconds{1 + up_to(2'000'000'000)}});
    }
    auto hosts = addresses(families);
    instant deadline = std::chrono::milliseconds{1 + up_to(4000)};
    auto e = play(hosts, world, deadline);
    CHECK(e.at <= deadline);
    auto order = interleaved(hosts);
    REQUIRE(e.begun.size() <= order.size());
    for (std::size_t i = 0; i < e.begun.size(); ++i) {
      CHECK(e.begun[i].second == order[i]);
      if (i == 0) continue;
      // The next attempt begins 250 ms after the last one, or earlier if an attempt fails.
      auto at = e.begun[i - 1].first + happy_eyeballs::attempt_delay;
      for (auto f : e.failures)
        if (f > e.begun[i - 1].first) at = std::min(at, f);
      CHECK(e.begun[i].first == at);
    }
    if (e.connected) continue;
    bool all_failed = e.failures.size() == hosts.size();
    CHECK((all_failed || e.at == deadline));
    for (const auto& h : hosts) CHECK(e.why.find(h.text + ": ") != std::string::npos);
  }
}
