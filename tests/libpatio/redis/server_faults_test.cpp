// Servers at a Redis server that refuses commands, reads too slowly or cannot be reached, and calls
// that take too much memory.
#include <patio/redis/node.hpp>

#include <doctest/doctest.h>

#include "redis/redis_world.hpp"

using namespace std::chrono_literals;
using patio::value;

TEST_CASE("redis server: a task that is claimed without a transaction runs, and is answered") {
  redis_world w;
  auto server = w.add(redis_functions()), caller = w.add();
  w.settle();
  auto call = w.call(caller, "mul", {6, 7}, 30);
  w.handle_events(caller);
  w.move_bytes(caller, std::string::npos);
  w.redis.fail_command("MULTI", "NOPERM this user has no permissions to run the 'multi' command");
  w.run_tasks(server);
  CHECK(w.at(caller).ended.at(call) == value{42});
}

TEST_CASE("redis server: many large replies leave a few MiB at a time after a reconnection") {
  redis_world w;
  patio::registry r{{.project = "t"}};
  r.add("large", [](std::int64_t n) { return std::string(static_cast<std::size_t>(n), 'x'); });
  auto server = w.add(r, 20), caller = w.add();
  w.settle();
  std::vector<std::uint64_t> calls;
  for (int i = 0; i < 20; ++i) calls.push_back(w.call(caller, "large", {3 << 20}, 60));
  w.settle();
  w.break_all(server);
  REQUIRE(w.at(server).to_run.size() == 20);
  while (!w.at(server).to_run.empty()) w.run_one(server);
  w.advance(10s);
  CHECK(w.at(server).largest_output < std::size_t{8} << 20);
  for (auto call : calls) CHECK(w.at(caller).ended.at(call).has_value());
}

TEST_CASE("redis server: while Redis reads too slowly, replies wait and no task is popped") {
  constexpr patio::redis::link_number command_link = 1'000'000;
  redis_world w;
  auto server = w.add(redis_functions(), 2), caller = w.add();
  w.settle();
  std::vector<std::uint64_t> calls;
  for (int i = 0; i < 4; ++i) calls.push_back(w.call(caller, "mul", {i, 2}, 60));
  w.settle();
  w.at(server).node.set_congested(command_link, true, w.now);
  w.run_tasks(server);
  CHECK(w.at(caller).ends.empty());
  CHECK(w.redis.length_of("mul") == 2);
  CHECK(w.at(server).node.server().running() == 2);
  w.at(server).node.set_congested(command_link, false, w.now);
  w.run_tasks(server);
  for (auto call : calls) CHECK(w.at(caller).ends[call] == 1);
}

TEST_CASE("redis server: a reply that cannot be stored in time is dropped") {
  redis_world w;
  auto server = w.add(redis_functions()), caller = w.add();
  w.settle();
  w.call(caller, "mul", {6, 7}, 5);
  w.settle();
  w.at(server).can_dial = false;
  w.break_all(server);
  w.run_one(server);
  w.advance(14s);
  CHECK(w.at(server).node.server().running() == 1);
  w.advance(6s);
  CHECK(w.at(server).node.server().running() == 0);
  CHECK(w.at(server).log.back().event == "dropped");
}

TEST_CASE("redis server: calls whose arguments take more than inbound_bytes are refused") {
  redis_world w;
  auto server = w.add(redis_functions(), 20), caller = w.add(), other = w.add();
  w.settle();
  for (int i = 0; i < 4; ++i) w.call(other, "echo", {std::string(std::size_t{15} << 20, 'x')}, 60);
  w.settle();
  for (int i = 0; i < 2; ++i) w.call(caller, "echo", {std::string(std::size_t{15} << 20, 'x')}, 60);
  w.settle();
  auto refused = w.at(caller).ended.size();
  CHECK(refused > 0);
  for (auto& [call, end] : w.at(caller).ended) {
    REQUIRE_FALSE(end);
    CHECK(to_string(end.error()).find("overloaded") != std::string::npos);
  }
  CHECK(w.at(server).to_run.size() == 6 - refused);
  w.run_tasks(server);
  auto next = w.call(caller, "echo", {std::string(std::size_t{15} << 20, 'x')}, 60);
  w.run_tasks(server);
  CHECK(w.at(caller).ended.at(next).has_value());
}

TEST_CASE("redis server: a quick function with large arguments runs on a worker") {
  redis_world w;
  patio::registry r{{.project = "t"}};
  r.add("size", [](const std::string& s) { return static_cast<std::int64_t>(s.size()); },
        {.quick = true});
  auto server = w.add(r), caller = w.add();
  w.settle();
  auto small = w.call(caller, "size", {"x"}),
       large = w.call(caller, "size", {std::string(5000, 'x')});
  w.settle();
  CHECK(w.at(caller).ended.at(small) == value{1});
  CHECK(w.at(caller).ends[large] == 0);
  REQUIRE(w.at(server).to_run.size() == 1);
  w.run_tasks(server);
  CHECK(w.at(caller).ended.at(large) == value{5000});
}

TEST_CASE("redis server: a quick function whose small task expands runs on a worker") {
  redis_world w;
  patio::registry r{{.project = "t"}};
  r.add("kind", [](const value&) { return 1; }, {.quick = true});
  auto server = w.add(r), caller = w.add();
  w.settle();
  value shared{"x"};
  for (int level = 0; level < 12; ++level) shared = value::list({shared, shared});
  auto call = w.call(caller, "kind", {shared});
  w.settle();
  REQUIRE(w.at(server).to_run.size() == 1);
  w.run_tasks(server);
  CHECK(w.at(caller).ended.at(call) == value{1});
}
