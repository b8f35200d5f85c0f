#include <patio/redis/node.hpp>

#include <doctest/doctest.h>

#include "redis/ends.hpp"

using namespace std::chrono_literals;
using patio::errc;
using patio::value;

TEST_CASE("redis: a call gets its value, and nothing stays in Redis") {
  redis_world w;
  auto server = w.add(redis_functions()), caller = w.add();
  w.settle();
  auto call = w.call(caller, "mul", {6, 7});
  w.run_tasks(server);
  CHECK(value_of(w.at(caller), call) == value{42});
  CHECK(w.at(caller).ends[call] == 1);
  CHECK(w.at(caller).node.calls().table().size() == 0);
  CHECK(w.at(server).node.server().running() == 0);
  w.advance(120s);
  std::vector<std::string> left;
  for (auto& key : w.redis.keys())
    if (!key.starts_with("patio:serving:")) left.push_back(key);
  CHECK(left.empty());
}

TEST_CASE("redis: an exception keeps its class and arguments") {
  redis_world w;
  auto server = w.add(redis_functions()), caller = w.add();
  w.settle();
  auto call = w.call(caller, "fail", {"boom"});
  w.run_tasks(server);
  auto why = error_of(w.at(caller), call);
  CHECK(why.code == errc::remote_error);
  CHECK(to_string(why) == "ValueError: boom");
}

TEST_CASE("redis: a call that nobody begins ends with the proof that it was not executed") {
  redis_world w;
  auto caller = w.add();
  w.settle();
  auto call = w.call(caller, "mul", {6, 7}, 1.5);
  w.advance(1400ms);
  CHECK(w.at(caller).ends[call] == 0);
  w.advance(300ms);
  auto why = error_of(w.at(caller), call);
  CHECK(why.code == errc::timeout);
  CHECK(text_of(why) == "'mul' was not executed: no server began it in time");
  CHECK(w.redis.length_of("mul") == 0); // the task does not stay
  CHECK(w.redis.keys().empty());
}

TEST_CASE("redis: a call that has begun ends by its deadline, and its late reply is taken away") {
  redis_world w;
  auto server = w.add(redis_functions()), caller = w.add();
  w.settle();
  auto call = w.call(caller, "mul", {6, 7}, 1);
  w.settle();
  w.advance(1200ms);
  auto why = error_of(w.at(caller), call);
  CHECK(why.code == errc::timeout);
  CHECK(text_of(why) == "'mul' may have begun, and no reply came in time");
  w.run_tasks(server);
  w.settle();
  CHECK(w.at(caller).ends[call] == 1);
  CHECK(w.at(caller).node.calls().table().size() == 0);
}

TEST_CASE("redis: a cancelled call ends at once, and a server never begins it") {
  redis_world w;
  auto caller = w.add();
  w.settle();
  auto number = w.at(caller).node.call(77, {"mul", {{6, 7}, {}}, 5}, w.now);
  w.settle();
  CHECK(w.redis.length_of("mul") == 1);
  w.at(caller).node.cancel(number, w.now);
  w.handle_events(caller);
  CHECK(error_of(w.at(caller), 77).code == errc::cancelled);
  w.settle();
  CHECK(w.redis.keys().empty());
  auto server = w.add(redis_functions());
  w.settle();
  CHECK(w.at(server).to_run.empty());
}

TEST_CASE("redis: many calls share few connections, and each gets its own reply") {
  redis_world w;
  auto server = w.add(redis_functions(), 8),
       caller = w.add(patio::registry{}, 0, {.waiting_connections = 3});
  w.settle();
  std::vector<std::uint64_t> calls;
  for (int i = 0; i < 500; ++i) calls.push_back(w.call(caller, "mul", {i, 2}, 60));
  w.run_tasks(server);
  for (int i = 0; i < 500; ++i)
    CHECK(value_of(w.at(caller), calls[static_cast<std::size_t>(i)]) == value{2 * i});
  CHECK(w.at(caller).wires.size() == 4);
}

TEST_CASE("redis: a call that cannot be sent ends by its deadline as not sent") {
  redis_world w;
  auto caller = w.add();
  w.at(caller).can_dial = false;
  auto call = w.call(caller, "mul", {6, 7}, 1);
  w.advance(1200ms);
  auto why = error_of(w.at(caller), call);
  CHECK(why.code == errc::not_sent);
  CHECK(text_of(why) == "no connection to redis://h:6379: no");
}

TEST_CASE("redis: a call survives the loss of every connection and gets its value") {
  redis_world w;
  auto server = w.add(redis_functions()), caller = w.add();
  w.settle();
  auto call = w.call(caller, "mul", {6, 7}, 30);
  w.settle();
  w.break_all(caller);
  w.run_tasks(server);
  w.advance(5s);
  CHECK(value_of(w.at(caller), call) == value{42});
}

TEST_CASE("redis: a call whose reply may be lost ends by its deadline as maybe executed") {
  redis_world w;
  auto server = w.add(redis_functions()), caller = w.add();
  w.settle();
  auto call = w.call(caller, "mul", {6, 7}, 5);
  w.settle();
  REQUIRE(w.at(server).to_run.size() == 1);
  w.run_one(server);
  w.move_bytes(server, std::string::npos); // Redis pops the reply for the caller
  w.break_all(caller);
  w.advance(6s);
  CHECK(error_of(w.at(caller), call).code == errc::maybe_executed);
}

TEST_CASE("redis: a call without a timeout ends when its connection does, with proof if possible") {
  redis_world w;
  auto caller = w.add();
  w.settle();
  auto queued = w.call(caller, "mul", {6, 7}, value{});
  w.settle();
  w.break_all(caller);
  w.advance(1s);
  CHECK(error_of(w.at(caller), queued).code == errc::not_sent);
  auto server = w.add(redis_functions());
  w.settle();
  auto begun = w.call(caller, "mul", {6, 7}, value{});
  w.settle();
  REQUIRE(w.at(server).to_run.size() == 1);
  w.break_all(caller);
  w.advance(6s);
  CHECK(error_of(w.at(caller), begun).code == errc::maybe_executed);
}

TEST_CASE("redis: a task that makes the list too long is taken back") {
  redis_world w;
  auto caller = w.add(patio::registry{}, 0, {.queue_length = 3});
  w.settle();
  std::vector<std::uint64_t> calls;
  for (int i = 0; i < 5; ++i) calls.push_back(w.call(caller, "mul", {i, 2}, 60));
  w.settle();
  CHECK(w.redis.length_of("mul") == 3);
  CHECK(error_of(w.at(caller), calls[3]).code == errc::overloaded);
  CHECK(error_of(w.at(caller), calls[4]).code == errc::overloaded);
}

TEST_CASE("redis: an error of the server in the transaction is the error of that call alone") {
  redis_world w;
  auto caller = w.add();
  w.settle();
  w.redis.set("mul", "not a list");
  auto wrong = w.call(caller, "mul", {6, 7});
  w.settle();
  CHECK(error_of(w.at(caller), wrong).code == errc::invalid);
  w.redis.fail_command("RPUSH", "OOM command not allowed when used memory > 'maxmemory'.");
  auto full = w.call(caller, "sub", {6, 7});
  w.settle();
  CHECK(error_of(w.at(caller), full).code == errc::overloaded);
  w.redis.fail_command("RPUSH", "");
  w.redis.erase("mul");
  auto server = w.add(redis_functions());
  w.settle();
  auto right = w.call(caller, "mul", {6, 7});
  w.run_tasks(server);
  CHECK(value_of(w.at(caller), right) == value{42});
}

TEST_CASE("redis: a wrong password is reported, and tried again much later") {
  redis_world w;
  w.redis.set_password("secret");
  auto caller = w.add();
  w.settle();
  REQUIRE(w.at(caller).news.size() == 1);
  CHECK(is_refusal(w.at(caller).news[0].outcome.error()));
  w.advance(4s);
  CHECK(w.at(caller).news.size() == 1);
  w.redis.set_password("");
  w.advance(7s);
  CHECK(w.at(caller).news.back().outcome);
}

TEST_CASE("redis: the names that servers announce are listed, and expire with their server") {
  redis_world w;
  auto server = w.add(redis_functions()), caller = w.add();
  w.settle();
  w.at(caller).node.list(1, w.now);
  w.settle();
  REQUIRE(w.at(caller).lists.size() == 1);
  CHECK(w.at(caller).lists[0].names == std::vector<std::string>{"echo", "fail", "mul"});
  w.kill(server);
  w.advance(60s);
  w.at(caller).node.list(2, w.now);
  w.settle();
  CHECK(w.at(caller).lists.at(1).names->empty());
}

TEST_CASE("redis: a server that falls silent is dropped, and calls go on over a new connection") {
  redis_world w;
  auto server = w.add(redis_functions()), caller = w.add();
  w.settle();
  // The wires of the caller are cut, but nobody notices.
  for (auto& [link, wire] : w.at(caller).wires) wire.client = 0x7fff'ffff;
  auto& dials = w.at(caller).news;
  auto before = dials.size();
  for (int i = 0; i < 400; ++i) {
    w.now += 100ms;
    w.at(caller).node.tick(w.now);
    w.handle_events(caller);
  }
  CHECK(dials.size() > before);
  w.settle();
  auto call = w.call(caller, "mul", {6, 7});
  w.run_tasks(server);
  CHECK(value_of(w.at(caller), call) == value{42});
}

TEST_CASE("redis: the reply of a server that lost its own connection is maybe executed") {
  auto own = patio::redis::read_reply(
    true, std::string("credis.exceptions\nConnectionError\n(S'gone'\ntR."), {}, {});
  REQUIRE_FALSE(own);
  CHECK(own.error().code == errc::maybe_executed);
  auto other = patio::redis::read_reply(
    true, std::string("cbuiltins\nConnectionError\n(S'gone'\ntR."), {}, {});
  CHECK(other.error().code == errc::remote_error);
}

TEST_CASE("redis: a call with too many keyword arguments is refused at its caller") {
  redis_world w;
  auto caller = w.add();
  w.settle();
  patio::arguments args;
  for (std::size_t i = 0; i <= patio::limits{}.keywords_per_call; ++i)
    args.keywords.emplace_back("k" + std::to_string(i), 1);
  (void)w.at(caller).node.call(1, {"mul", std::move(args), 5}, w.now);
  w.settle();
  auto why = error_of(w.at(caller), 1);
  CHECK(why.code == errc::invalid);
  CHECK(why.exceeded == patio::limit::keywords_per_call);
}
