// Keys that are no lists, which make a BLPOP over several keys fail.
#include <patio/redis/node.hpp>

#include <doctest/doctest.h>

#include <algorithm>

#include "redis/ends.hpp"

using namespace std::chrono_literals;
using patio::errc;
using patio::value;

namespace {

std::size_t lines(redis_participant& p, const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(
    p.log, [&](const auto& line) { return line.reason.find(text) != std::string::npos; }));
}

std::string wake_key(const redis_world& w, const std::string& other_key) {
  auto names = [&](const auto& words) {
    return words.at(0) == "BLPOP" && std::ranges::find(words, other_key) != words.end();
  };
  auto at = std::find_if(w.redis.log.rbegin(), w.redis.log.rend(), names);
  REQUIRE(at != w.redis.log.rend());
  auto is_wake_key = [](const auto& word) { return word.ends_with(":wake"); };
  return *std::ranges::find_if(*at, is_wake_key);
}

} // namespace

TEST_CASE("redis: a function whose key is no list is left out, and the others are served") {
  redis_world w;
  w.redis.set("echo", "not a list");
  auto server = w.add(redis_functions(), 4), caller = w.add();
  w.settle();
  for (int i = 0; i < 50; ++i) {
    auto call = w.call(caller, "mul", {i, 2});
    w.run_tasks(server);
    CHECK(value_of(w.at(caller), call) == value{2 * i});
  }
  w.advance(200s);
  auto line = std::string{"'echo' is not served, because its key is a string"};
  CHECK(lines(w.at(server), line) == 1);
  CHECK(w.at(server).node.server().running() == 0);
  auto types = std::ranges::count_if(w.redis.log, [](const auto& c) { return c.at(0) == "TYPE"; });
  CHECK(types > 5);
  CHECK(types < 30); // the pauses grow
}

TEST_CASE("redis: a function is served again soon after its key was deleted") {
  redis_world w;
  w.redis.set("echo", "not a list");
  auto server = w.add(redis_functions(), 2), caller = w.add();
  w.advance(10s);
  w.redis.erase("echo");
  auto call = w.call(caller, "echo", {1}, 60);
  w.advance(20s);
  w.run_tasks(server);
  CHECK(value_of(w.at(caller), call) == value::tuple({1}));
  CHECK(lines(w.at(server), "'echo' is served again") == 1);
}

TEST_CASE("redis: a server of no list at all waits, and begins once there is one") {
  redis_world w;
  for (const auto* name : {"mul", "fail", "echo"}) w.redis.set(name, "not a list");
  auto server = w.add(redis_functions(), 2), caller = w.add();
  w.advance(5s);
  w.redis.erase("mul");
  auto call = w.call(caller, "mul", {6, 7}, 60);
  w.advance(10s);
  w.run_tasks(server);
  CHECK(value_of(w.at(caller), call) == value{42});
}

TEST_CASE("redis: a wake list that is no list is replaced") {
  redis_world w;
  auto server = w.add(redis_functions(), 1), caller = w.add();
  w.settle();
  w.redis.set(wake_key(w, "mul"), "not a list");
  for (int i = 0; i < 3; ++i) {
    auto call = w.call(caller, "mul", {6, i});
    w.run_tasks(server);
    CHECK(value_of(w.at(caller), call) == value{6 * i});
  }
  CHECK(w.at(server).log.empty());
}

TEST_CASE("redis: without the right to TYPE, a server says so and tries again") {
  redis_world w;
  w.redis.set("echo", "not a list");
  w.redis.fail_command("TYPE", "NOPERM this user has no permissions to run the 'type' command");
  auto server = w.add(redis_functions(), 2), caller = w.add();
  w.advance(10s);
  CHECK(lines(w.at(server), "the right to TYPE") >= 1);
  CHECK(lines(w.at(server), "the right to TYPE") < 20);
  w.redis.erase("echo");
  auto call = w.call(caller, "mul", {6, 7}, 60);
  w.advance(30s);
  w.run_tasks(server);
  CHECK(value_of(w.at(caller), call) == value{42});
}

TEST_CASE("redis: a call whose reply key is no list ends with the key's name, and others go on") {
  redis_world w;
  auto server = w.add(redis_functions(), 4),
       caller = w.add(patio::registry{}, 0, {.waiting_connections = 1});
  w.settle();
  auto first = w.call(caller, "mul", {1, 2}, 60), second = w.call(caller, "mul", {3, 4}, 60);
  w.settle();
  std::string token;
  for (const auto& words : w.redis.log)
    if (words.at(0) == "SETEX" && token.empty()) token = words.at(1);
  SUBCASE("its function runs") {}
  SUBCASE("it has not begun") {
    w.redis.set(token, "1"); // as if no server had claimed it
  }
  bool has_begun = !w.redis.has(token);
  w.redis.set(token + ":error", "not a list");
  auto third = w.call(caller, "mul", {5, 6}, 60); // begins a new BLPOP
  w.settle();
  auto why = error_of(w.at(caller), first);
  CHECK(why.code == (has_begun ? errc::maybe_executed : errc::not_sent));
  CHECK(why.message.find(token + ":error' is a string") != std::string::npos);
  w.run_tasks(server);
  CHECK(value_of(w.at(caller), second) == value{12});
  CHECK(value_of(w.at(caller), third) == value{30});
  CHECK(w.at(caller).ends[first] == 1);
  CHECK(lines(w.at(caller), "is a string") == 1);
}

TEST_CASE("redis: the types of reply keys are asked for once the connection is back") {
  redis_world w;
  auto server = w.add(redis_functions(), 4),
       caller = w.add(patio::registry{}, 0, {.waiting_connections = 1});
  w.settle();
  auto first = w.call(caller, "mul", {1, 2}, 60), second = w.call(caller, "mul", {3, 4}, 60);
  w.settle();
  std::string token;
  for (const auto& words : w.redis.log)
    if (words.at(0) == "SETEX" && token.empty()) token = words.at(1);
  w.redis.set(token + ":result", "not a list");
  w.break_link(caller, 1);
  w.redis.push(wake_key(w, token + ":result"), "1");
  w.advance(10s);
  w.run_tasks(server);
  CHECK(error_of(w.at(caller), first).code == errc::maybe_executed);
  CHECK(value_of(w.at(caller), second) == value{12});
}
