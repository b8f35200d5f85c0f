// Sessions that were recorded between two Python peers, played to a session of either role and cut
// at every byte.
#include <patio/protocol/session.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "hex.hpp"
#include "json_rows.hpp"
#include "protocol/session_fixture.hpp"
#include "seed.hpp"

using patio::role;
using patio::protocol::packet;

namespace {

struct recording {
  std::string name, key, from_client, from_server;
};

std::vector<recording> recordings() {
  std::vector<recording> all;
  for (const auto& row : json_rows("sessions.jsonl")) {
    recording r{row["name"], from_hex(row["key"].get<std::string>()), "", ""};
    for (const auto& [direction, hex] :
         row["bytes"].get<std::vector<std::pair<std::string, std::string>>>())
      (direction == ">" ? r.from_client : r.from_server) += from_hex(hex);
    all.push_back(std::move(r));
  }
  return all;
}

std::vector<raw_frame> of_type(const std::string& bytes, packet type) {
  auto all = frames_of(bytes);
  std::erase_if(all, [type](const raw_frame& f) { return f.type != type; });
  return all;
}

/// A session in the place of one recorded peer. It has that peer's random bytes, functions, calls
/// and answers.
struct stand_in {
  session_recorder events;
  std::unique_ptr<driven_session> session;
  std::map<std::uint32_t, raw_frame> answers; ///< the recorded answers, by serial

  stand_in(role side, const recording& r) {
    patio::protocol::session_options options{r.key, {}, {}};
    auto token =
      patio::read_pickle(of_type(r.from_server, packet::auth_digest).at(0).payload).value();
    if (side == role::server) {
      options.names = {"mul", "div", "echo"};
      for (auto type : {packet::response, packet::error})
        for (auto& f : of_type(r.from_server, type)) answers.emplace(f.serial, f);
      events.when_requested = [this](std::uint32_t serial, const patio::call_request&) {
        answer(serial);
      };
      session = make(side, std::move(options), std::string{token.data()});
    } else {
      // The salt is the first of the three byte strings, after PROTO, FRAME and SHORT_BINBYTES with
      // its length.
      auto salt = of_type(r.from_client, packet::auth_request).at(0).payload.substr(13, 4);
      auto calls = of_type(r.from_client, packet::request);
      events.when_ready = [this, calls] {
        for (const auto& f : calls)
          REQUIRE(session->request(f.serial, *patio::read_call_request(f.payload)) == f.serial);
      };
      session = make(side, std::move(options), salt);
    }
  }

  std::unique_ptr<driven_session> make(role side, patio::protocol::session_options options,
                                       std::string nonce) {
    return std::make_unique<driven_session>(side, std::move(options), events, std::move(nonce));
  }

  void answer(std::uint32_t serial) {
    auto f = answers.find(serial);
    if (f == answers.end())
      return session->answer(events.ids[serial],
                             patio::value{}); // a request that a corrupted byte has made
    auto v = patio::read_pickle(f->second.payload).value();
    session->answer(events.ids[serial], f->second.type == packet::response
                                          ? patio::result<patio::value>{v}
                                          : tl::unexpected(patio::remote_error(v)));
  }
};

/// Returns the events and the output of a session that receives `bytes` in pieces.
std::pair<lines, std::string> play(role side, const recording& r,
                                   const std::vector<std::string_view>& pieces) {
  stand_in ours{side, r};
  for (auto piece : pieces) ours.session->receive(piece);
  CHECK(ours.session->state() == patio::protocol::session::state::ready);
  return {ours.events.seen, ours.session->output().bytes()};
}

/// Checks that both have the same frames. Answers to pipelined calls may come in another order.
void check_same_frames(const std::string& ours, const std::string& recorded) {
  auto a = frames_of(ours), b = frames_of(recorded);
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  CHECK(a == b);
}

} // namespace

TEST_CASE(
  "session: the output equals that of the recorded Python server and client byte for byte") {
  auto all = recordings();
  CHECK(all.size() == 4);
  for (const auto& r : all) {
    INFO(r.name);
    check_same_frames(play(role::server, r, {r.from_client}).second, r.from_server);
    CHECK(to_hex(play(role::client, r, {r.from_server}).second) == to_hex(r.from_client));
  }
}

TEST_CASE("session: a recorded session causes the expected events") {
  auto r = recordings().at(1);
  auto server = play(role::server, r, {r.from_client}).first;
  CHECK(server
        == lines{"names", "ready", "request 3 mul(1, 2, 3)", "request 4 echo(1, 'a')",
                 "request 5 div(1, 0)"});
  auto client = play(role::client, r, {r.from_server}).first;
  CHECK(client
        == lines{"names div echo mul", "ready", "result 3 6", "result 4 ((1, 'a'), {'k': [1, 2]})",
                 "result 5 remote_error: ZeroDivisionError: division by zero"});
}

TEST_CASE("session: every cut of a recorded session gives the same events and the same output") {
  std::size_t cuts = 0;
  for (const auto& r : recordings()) {
    INFO(r.name);
    for (auto side : {role::server, role::client}) {
      std::string_view bytes = side == role::server ? r.from_client : r.from_server;
      auto whole = play(side, r, {bytes});
      for (std::size_t at = 1; at < bytes.size(); ++at, ++cuts)
        REQUIRE(play(side, r, {bytes.substr(0, at), bytes.substr(at)}) == whole);
      std::vector<std::string_view> single;
      for (std::size_t at = 0; at < bytes.size(); ++at) single.push_back(bytes.substr(at, 1));
      REQUIRE(play(side, r, single) == whole);
    }
  }
  CHECK(cuts > 8000);
}

TEST_CASE("session: every call of a truncated recorded session ends") {
  for (const auto& r : recordings()) {
    INFO(r.name);
    auto calls = of_type(r.from_client, packet::request).size();
    for (std::size_t at = 0; at < r.from_server.size(); ++at) {
      stand_in client{role::client, r};
      client.session->receive(r.from_server.substr(0, at));
      bool was_ready = client.session->state() == patio::protocol::session::state::ready;
      client.session->close({patio::errc::maybe_executed, "gone", {}});
      auto results = std::count_if(client.events.seen.begin(), client.events.seen.end(),
                                   [](const auto& l) { return l.starts_with("result"); });
      REQUIRE(static_cast<std::size_t>(results) == (was_ready ? calls : 0));
      REQUIRE(client.events.seen.back() == "close maybe_executed: gone");
    }
  }
}

TEST_CASE("session: every call of a corrupted session ends once") {
  auto seed = test_seed();
  INFO("PATIO_TEST_SEED=" << seed);
  std::mt19937_64 random{seed};
  auto all = recordings();
  std::size_t closed = 0;
  for (int round = 0; round < 2'000; ++round) {
    const auto& r = all[random() % all.size()];
    auto side = random() % 2 == 0 ? role::server : role::client;
    stand_in ours{side, r};
    auto bytes = side == role::server ? r.from_client : r.from_server;
    for (auto n = 1 + random() % 3; n > 0; --n)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    auto cut = random() % bytes.size();
    ours.session->receive(bytes.substr(0, cut));
    ours.session->receive(bytes.substr(cut));
    closed += ours.session->state() == patio::protocol::session::state::closed;
    auto calls = side == role::client
                     && std::count(ours.events.seen.begin(), ours.events.seen.end(), "ready") > 0
                   ? of_type(r.from_client, packet::request).size()
                   : 0;
    ours.session->close({patio::errc::shut_down, "over", {}});
    std::set<std::string> ended;
    for (const auto& line : ours.events.seen)
      if (line.starts_with("result "))
        REQUIRE(ended.insert(line.substr(0, line.find(' ', 7))).second);
    REQUIRE(ended.size() == calls);
    REQUIRE(ours.events.seen.back().starts_with("close "));
  }
  CHECK(closed > 100);
}
