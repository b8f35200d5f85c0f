// Callers cancel calls that servers run.
#include <patio/redis/node.hpp>

#include <doctest/doctest.h>

#include <algorithm>

#include "redis/ends.hpp"

using namespace std::chrono_literals;
using patio::errc;
using patio::value;

namespace {

/// A server and a caller.
struct two_nodes {
  redis_world w;
  redis_world::number server, caller;

  explicit two_nodes(std::size_t workers = 4)
      : server{w.add(redis_functions(), workers)}, caller{w.add()} {
    w.settle();
  }

  [[nodiscard]] std::size_t sent(const std::string& command) const {
    return static_cast<std::size_t>(std::ranges::count_if(
      w.redis.log, [&](const auto& words) { return words.at(0) == command; }));
  }
  [[nodiscard]] std::size_t cancellations() const {
    return static_cast<std::size_t>(std::ranges::count_if(w.redis.log, [](const auto& words) {
      return words.at(0) == "SET" && words.at(1).ends_with(":stop");
    }));
  }
  /// Begins a call, and returns it with the stop token of its function.
  std::pair<std::uint64_t, std::stop_token> begin_call() {
    auto call = w.call(caller, "mul", {6, 7}, 60);
    w.settle();
    REQUIRE_FALSE(w.at(server).to_run.empty());
    return {call, w.at(server).to_run.back().stop};
  }
  [[nodiscard]] static std::size_t count(redis_participant& p, const std::string& text) {
    return static_cast<std::size_t>(std::ranges::count_if(
      p.log, [&](const auto& line) { return line.reason.find(text) != std::string::npos; }));
  }
};

} // namespace

TEST_CASE("redis cancellation: a function that runs is stopped, and its worker takes a new task") {
  two_nodes t{1};
  auto [call, stop] = t.begin_call();
  auto next = t.w.call(t.caller, "mul", {2, 3}, 60);
  t.w.advance(3s);
  CHECK(t.w.at(t.server).to_run.size() == 1);
  t.w.cancel(t.caller, call);
  t.w.settle();
  CHECK(error_of(t.w.at(t.caller), call).code == errc::cancelled);
  t.w.advance(1100ms);
  CHECK(stop.stop_requested());
  CHECK(t.w.at(t.server).to_run.size() == 2);
  t.w.run_tasks(t.server); // the cancelled function answers late, and its reply is dropped
  CHECK(value_of(t.w.at(t.caller), next) == value{6});
  CHECK(t.w.at(t.caller).ends[call] == 1);
  CHECK(t.w.at(t.server).node.server().running() == 0);
  t.w.advance(70s);
  CHECK(t.w.redis.keys_without_expiry().empty());
  CHECK(t.w.at(t.caller).node.calls().table().size() == 0);
}

TEST_CASE("redis cancellation: only the cancelled call is stopped") {
  two_nodes t;
  auto [first, first_stop] = t.begin_call();
  auto [second, second_stop] = t.begin_call();
  t.w.cancel(t.caller, second);
  t.w.advance(2500ms);
  CHECK_FALSE(first_stop.stop_requested());
  CHECK(second_stop.stop_requested());
  t.w.run_tasks(t.server);
  CHECK(value_of(t.w.at(t.caller), first) == value{42});
}

TEST_CASE("redis cancellation: a call that nobody has begun leaves no message") {
  two_nodes t{0};
  auto call = t.w.call(t.caller, "mul", {6, 7}, 60);
  t.w.settle();
  t.w.cancel(t.caller, call);
  t.w.settle();
  CHECK(t.cancellations() == 0);
  CHECK(t.w.redis.keys().empty());
}

TEST_CASE("redis cancellation: idle servers and servers of short calls ask nothing") {
  two_nodes t;
  t.w.advance(10s);
  for (int i = 0; i < 20; ++i) {
    auto [call, stop] = t.begin_call();
    t.w.advance(900ms);
    t.w.run_tasks(t.server);
    CHECK(value_of(t.w.at(t.caller), call) == value{42});
  }
  t.w.advance(10s);
  CHECK(t.sent("MGET") == 0);
}

TEST_CASE("redis cancellation: a server asks once a second, in commands of at most 500 keys") {
  two_nodes t{1200};
  for (int i = 0; i < 1200; ++i) {
    t.w.call(t.caller, "mul", {i, 2}, 60);
    if (i % 300 == 0) t.w.advance(100ms);
  }
  t.w.settle();
  REQUIRE(t.w.at(t.server).to_run.size() == 1200);
  t.w.advance(10s);
  CHECK(t.sent("MGET") >= 3 * 8);
  CHECK(t.sent("MGET") <= 3 * 11);
  for (const auto& words : t.w.redis.log)
    if (words.at(0) == "MGET") CHECK(words.size() <= 501);
}

TEST_CASE("redis cancellation: it arrives although both connections were lost meanwhile") {
  two_nodes t;
  auto [call, stop] = t.begin_call();
  t.w.break_all(t.caller);
  t.w.break_all(t.server);
  t.w.at(t.caller).can_dial = false;
  t.w.cancel(t.caller, call);
  t.w.advance(5s);
  CHECK_FALSE(stop.stop_requested());
  t.w.at(t.caller).can_dial = true;
  t.w.advance(20s);
  CHECK(stop.stop_requested());
  CHECK(t.w.at(t.caller).ends[call] == 1);
}

TEST_CASE("redis cancellation: a caller that shuts down stops the functions of its calls") {
  two_nodes t;
  auto [call, stop] = t.begin_call();
  t.w.at(t.caller).node.shut_down({errc::shut_down, {}, {}}, t.w.now);
  t.w.advance(2500ms);
  CHECK(stop.stop_requested());
  CHECK(error_of(t.w.at(t.caller), call).code == errc::shut_down);
}

TEST_CASE("redis cancellation: without the right to MGET, a server logs this once for each "
          "connection, and serves on") {
  two_nodes t;
  t.w.redis.fail_command("MGET", "NOPERM this user has no permissions to run the 'mget' command");
  auto [call, stop] = t.begin_call();
  t.w.cancel(t.caller, call);
  t.w.advance(5s);
  CHECK_FALSE(stop.stop_requested());
  CHECK(t.sent("MGET") == 1);
  CHECK(two_nodes::count(t.w.at(t.server), "MGET") == 1);
  auto [next, next_stop] = t.begin_call();
  t.w.run_tasks(t.server);
  CHECK(value_of(t.w.at(t.caller), next) == value{42});
  auto [last, last_stop] = t.begin_call();
  t.w.redis.fail_command("MGET", "");
  t.w.break_all(t.server);
  t.w.cancel(t.caller, last);
  t.w.advance(5s);
  CHECK(last_stop.stop_requested());
}

TEST_CASE("redis cancellation: without the right to SET, a caller logs this once for each "
          "connection, and calls on") {
  two_nodes t;
  t.w.redis.fail_command("SET", "NOPERM this user has no permissions to run the 'set' command");
  for (int i = 0; i < 3; ++i) {
    auto [call, stop] = t.begin_call();
    t.w.cancel(t.caller, call);
    t.w.settle();
    CHECK(error_of(t.w.at(t.caller), call).code == errc::cancelled);
  }
  CHECK(two_nodes::count(t.w.at(t.caller), "with SET") == 1);
  CHECK(t.cancellations() == 1);
  t.w.run_tasks(t.server);
  auto [next, stop] = t.begin_call();
  t.w.run_tasks(t.server);
  CHECK(value_of(t.w.at(t.caller), next) == value{42});
}
