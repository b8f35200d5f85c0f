// Calls at a Redis server that refuses commands, reads too slowly or cannot be reached.
#include <patio/redis/node.hpp>

#include <doctest/doctest.h>

#include <algorithm>

#include "redis/ends.hpp"

using namespace std::chrono_literals;
using patio::errc;
using patio::value;

namespace {

/// The text of an access rule that forbids a command.
std::string no_right(const std::string& command) {
  return "NOPERM this user has no permissions to run the '" + command + "' command";
}

} // namespace

TEST_CASE("redis: a call that runs although MULTI is refused gets its value") {
  redis_world w;
  auto server = w.add(redis_functions()), caller = w.add();
  w.settle();
  auto warm = w.call(caller, "mul", {1, 1});
  w.run_tasks(server);
  CHECK(value_of(w.at(caller), warm) == value{1});
  w.redis.fail_command("MULTI", no_right("multi"));
  w.redis.fail_command("EXEC", no_right("exec"));
  auto call = w.call(caller, "mul", {6, 7});
  w.handle_events(caller);
  w.move_bytes(caller, std::string::npos); // a blocked server pops the task at once
  w.redis.fail_command("MULTI", "");
  w.redis.fail_command("EXEC", "");
  w.run_tasks(server);
  CHECK(value_of(w.at(caller), call) == value{42});
  CHECK(w.at(caller).ends[call] == 1);
}

TEST_CASE("redis: a call whose MULTI is refused ends as not sent if nobody has begun it") {
  redis_world w;
  auto caller = w.add();
  w.settle();
  w.redis.fail_command("MULTI", no_right("multi"));
  w.redis.fail_command("EXEC", no_right("exec"));
  auto call = w.call(caller, "mul", {6, 7});
  w.settle();
  auto why = error_of(w.at(caller), call);
  CHECK(why.code == errc::not_sent);
  CHECK(why.message.find("NOPERM") != std::string::npos);
  CHECK(why.remedy == patio::remedy::repetition);
  CHECK(w.redis.keys().empty());
  CHECK(w.at(caller).node.is_connected());
}

TEST_CASE("redis: a call with a refused wake-up goes on if a server has begun it") {
  redis_world w;
  auto server = w.add(redis_functions()),
       caller = w.add(patio::registry{}, 0, {.waiting_connections = 1});
  w.settle();
  auto first = w.call(caller, "mul", {1, 2}, 60);
  w.settle();
  auto& log = w.redis.log;
  auto blpop = std::find_if(log.rbegin(), log.rend(), [](const auto& c) {
    return c.at(0) == "BLPOP" && c.at(1).ends_with(":result");
  });
  REQUIRE(blpop != log.rend());
  auto wake_key = blpop->at(blpop->size() - 2);
  w.redis.set(wake_key, "not a list");
  auto second = w.call(caller, "mul", {3, 4}, 60);
  w.handle_events(caller);
  w.move_bytes(caller, std::string::npos);
  while (w.move_bytes(server, std::string::npos)) {}
  w.run_tasks(server);
  w.advance(35s); // the BLPOP without the second call ends
  CHECK(value_of(w.at(caller), first) == value{2});
  CHECK(value_of(w.at(caller), second) == value{12});
}

TEST_CASE("redis: a server without EXEC ends the connection, and no call ends as not executed") {
  redis_world w;
  auto server = w.add(redis_functions()), caller = w.add();
  w.settle();
  w.redis.fail_command("EXEC", "ERR unknown command 'EXEC'");
  auto call = w.call(caller, "mul", {6, 7}, 60);
  w.settle();
  CHECK(w.at(caller).ends[call] == 0);
  w.redis.fail_command("EXEC", "");
  w.advance(10s); // the discarded call left no token
  w.run_tasks(server);
  w.advance(60s);
  CHECK(error_of(w.at(caller), call).code == errc::maybe_executed);
}

TEST_CASE("redis: a caller without the right to EXEC is told that its call was not sent") {
  redis_world w;
  auto caller = w.add();
  w.settle();
  w.redis.fail_command("EXEC", no_right("exec"));
  auto call = w.call(caller, "mul", {6, 7}, 60);
  w.settle();
  CHECK(error_of(w.at(caller), call).code == errc::not_sent);
  CHECK(w.redis.keys().empty());
}

TEST_CASE("redis: held calls leave a few MiB at a time, and each ends with its value") {
  redis_world w;
  auto server = w.add(redis_functions(), 20), caller = w.add();
  w.at(caller).can_dial = false;
  std::vector<std::uint64_t> calls;
  for (int i = 0; i < 15; ++i)
    calls.push_back(w.call(caller, "echo", {std::string(std::size_t{3} << 20, 'x')}, 60));
  w.advance(1s);
  w.at(caller).can_dial = true;
  w.advance(10s);
  w.run_tasks(server);
  CHECK(w.at(caller).largest_output > std::size_t{3} << 20);
  CHECK(w.at(caller).largest_output < std::size_t{8} << 20);
  CHECK(w.at(server).largest_output < std::size_t{8} << 20);
  for (auto call : calls) CHECK(value_of(w.at(caller), call).items().size() == 1);
}

TEST_CASE("redis: a connection that was congested when it broke does not stop its successor") {
  redis_world w;
  auto server = w.add(redis_functions()), caller = w.add();
  w.settle();
  w.at(caller).node.set_congested(1, true, w.now);
  auto call = w.call(caller, "mul", {6, 7}, 30);
  w.settle();
  CHECK(w.redis.length_of("mul") + w.at(server).to_run.size() == 0);
  w.break_all(caller);
  w.advance(5s);
  w.run_tasks(server);
  CHECK(value_of(w.at(caller), call) == value{42});
}

TEST_CASE("redis: calls that end while the server cannot be reached leave nothing behind") {
  redis_world w;
  auto caller = w.add();
  w.at(caller).can_dial = false;
  for (std::uint64_t token = 1; token <= 10'000; ++token) {
    auto number = w.at(caller).node.call(token, {"mul", {{6, 7}, {}}, 60}, w.now);
    w.at(caller).node.cancel(number, w.now);
  }
  CHECK(w.at(caller).node.calls().table().size() == 0);
  CHECK(w.at(caller).node.calls().held() < 200);
}
