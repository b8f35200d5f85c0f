#include <patio/redis/node.hpp>

#include <doctest/doctest.h>

#include "redis/redis_world.hpp"

using namespace std::chrono_literals;
using namespace std::string_literals;
using patio::errc;
using patio::value;

namespace {

/// A raw client of the simulated Redis, which does what a Python caller does.
struct python_caller {
  redis_world& w;
  simulated_redis::client_id id = w.redis.connect();

  void push(const std::string& list, const std::string& body, const std::string& token = "") {
    std::string out;
    if (!token.empty()) patio::redis::append_command(out, {"SETEX", token, "5", "1"});
    patio::redis::append_command(out, {"RPUSH", list, body});
    w.redis.receive(id, out, w.now);
    w.settle();
  }
  std::string pop(const std::string& key) {
    (void)w.redis.take_output(id);
    std::string out;
    patio::redis::append_command(out, {"BLPOP", key, "1"});
    w.redis.receive(id, out, w.now);
    auto bytes = w.redis.take_output(id);
    patio::redis::resp_reader reader{{}};
    std::vector<patio::redis::resp> replies;
    REQUIRE(reader.read(bytes, replies));
    return replies.empty() ? "" : replies.at(0).items.at(1).text;
  }
};

std::string task(const std::string& method, std::vector<value> args, const std::string& reply_to) {
  std::string body;
  REQUIRE(
    patio::redis::write_task({method, {std::move(args), {}}, {}}, reply_to, body, {}, 1 << 20));
  return body;
}

std::string pickle(const value& v) {
  std::string body;
  REQUIRE(patio::write_pickle(v, body));
  return body;
}

std::string token(int number) {
  auto digits = std::to_string(number);
  return "t.00000000-0000-0000-0000-" + std::string(12 - digits.size(), '0') + digits;
}

std::string dict(value args, value kwargs, const char* method, const std::string& reply_to) {
  return pickle(value::dict({{"method", method},
                             {"args", std::move(args)},
                             {"kwargs", std::move(kwargs)},
                             {"reply_to", reply_to}}));
}

/// Every kind of poison of the specification, with the token whose caller has to be told, if any.
struct poison {
  std::string name, body, token;
};

std::vector<poison> poisons() {
  auto none = value::dict({});
  return {
    {"no pickle", "garbage", ""},
    {"empty", "", ""},
    {"no dict", pickle(value{1}), ""},
    {"no reply_to", pickle(value::dict({{"method", "mul"}})), ""},
    {"reply_to is a number", pickle(value::dict({{"reply_to", 1}})), ""},
    {"no method", pickle(value::dict({{"reply_to", token(1)}})), token(1)},
    {"method is a number",
     pickle(value::dict(
       {{"method", 1}, {"args", value::tuple({})}, {"kwargs", none}, {"reply_to", token(2)}})),
     token(2)},
    {"args is a number", dict(5, none, "mul", token(3)), token(3)},
    {"kwargs is a list", dict(value::tuple({}), value::list({}), "mul", token(4)), token(4)},
    {"a keyword is a number", dict(value::tuple({}), value::dict({{1, 1}}), "mul", token(5)),
     token(5)},
    {"unknown method", dict(value::tuple({}), none, "hidden", token(6)), token(6)},
    {"another list's method", dict(value::tuple({"x"}), none, "fail", token(7)), token(7)},
    {"a class outside the list",
     "}(S'args'\ncos\nsystem\nS'method'\nS'mul'\nS'kwargs'\n}S'reply_to'\nS'"s + token(8)
       + "'\nu."s,
     token(8)},
    {"an object outside the list",
     "}(S'args'\ncposix\nsystem\n(S'ls'\ntRS'method'\nS'mul'\nS'kwargs'\n}S'reply_to'\nS'"s
       + token(10) + "'\nu."s,
     token(10)},
    {"a class in protocol 5",
     "\x80\x05}(\x8c\x04"
     "args\x8c\x08"
     "builtins\x8c\x03"
     "int\x93\x85\x8c\x06"
     "method\x8c\x03mul\x8c\x06kwargs}\x8c\x08reply_to\x94\x8c\x26"s
       + token(11) + "u."s,
     token(11)},
    {"a truncated pickle", dict(value::tuple({}), none, "mul", token(9)).substr(0, 40), ""},
  };
}

} // namespace

TEST_CASE("redis server: after each poison it serves the next call, and tells whom it can") {
  for (const auto& p : poisons()) {
    CAPTURE(p.name);
    redis_world w;
    auto server = w.add(redis_functions(), 1), caller = w.add();
    w.settle();
    python_caller python{w};
    for (int i = 0; i < 3; ++i) python.push("mul", p.body, p.token);
    w.run_tasks(server);
    auto call = w.call(caller, "mul", {6, 7});
    w.run_tasks(server);
    REQUIRE(w.at(caller).ends[call] == 1);
    CHECK(w.at(caller).ended.at(call) == value{42});
    CHECK(w.at(server).node.server().dropped() == (p.token.empty() ? 3u : 0u));
    CHECK(w.at(server).log.empty() == false);
    if (p.token.empty()) continue;
    auto reply = python.pop(p.token + ":error");
    auto error = patio::redis::read_reply(true, reply, {}, {});
    REQUIRE_FALSE(error);
    MESSAGE(p.name << ": " << to_string(error.error()));
  }
}

TEST_CASE("redis server: a task whose token is gone does not run") {
  redis_world w;
  auto server = w.add(redis_functions());
  w.settle();
  python_caller{w}.push("mul", task("mul", {6, 7}, token(99)));
  CHECK(w.at(server).to_run.empty());
  CHECK(w.at(server).node.server().running() == 0);
}

TEST_CASE("redis server: the deadline of the caller is the deadline of the function") {
  redis_world w;
  auto server = w.add(redis_functions());
  w.settle();
  python_caller{w}.push("mul", task("mul", {6, 7}, token(1)), token(1));
  REQUIRE(w.at(server).to_run.size() == 1);
  CHECK(w.at(server).to_run[0].deadline == w.now + 5s);
  auto stop = w.at(server).to_run[0].stop;
  w.advance(4s);
  CHECK_FALSE(stop.stop_requested());
  w.advance(1500ms);
  CHECK(stop.stop_requested());
}

TEST_CASE("redis server: every reply expires") {
  redis_world w;
  auto server = w.add(redis_functions());
  w.settle();
  python_caller python{w};
  python.push("mul", task("mul", {6, 7}, token(1)), token(1));
  w.run_tasks(server);
  CHECK(w.redis.has(token(1) + ":result"));
  CHECK(w.redis.keys_without_expiry().empty());
  w.advance(20s);
  CHECK_FALSE(w.redis.has(token(1) + ":result"));
}

TEST_CASE("redis server: it takes no more tasks than it has workers, and another server the rest") {
  redis_world w;
  auto one = w.add(redis_functions(), 2), two = w.add(redis_functions(), 3), caller = w.add();
  w.settle();
  for (int i = 0; i < 10; ++i) w.call(caller, "mul", {i, 2});
  w.settle();
  CHECK(w.at(one).to_run.size() == 2);
  CHECK(w.at(two).to_run.size() == 3);
  CHECK(w.redis.length_of("mul") == 5);
  w.run_one(one);
  w.settle();
  CHECK(w.at(one).to_run.size() == 2);
}

TEST_CASE("redis server: a busy function does not starve another one") {
  redis_world w;
  auto caller = w.add();
  w.settle();
  for (int i = 0; i < 20; ++i) w.call(caller, "echo", {i}, 60);
  w.call(caller, "mul", {6, 7}, 60);
  w.settle();
  auto server = w.add(redis_functions(), 1);
  w.settle();
  std::vector<std::string> order;
  for (int i = 0; i < 21; ++i) {
    REQUIRE_FALSE(w.at(server).to_run.empty());
    order.push_back(w.at(server).to_run.front().entry->name);
    w.run_one(server);
    w.settle();
  }
  CHECK(std::find(order.begin(), order.begin() + 4, "mul") != order.begin() + 4);
}

TEST_CASE("redis server: a reply is stored again after a lost connection, and the caller gets it") {
  redis_world w;
  auto server = w.add(redis_functions()), caller = w.add();
  w.settle();
  auto call = w.call(caller, "mul", {6, 7}, 30);
  w.settle();
  REQUIRE(w.at(server).to_run.size() == 1);
  w.break_all(server);
  w.run_one(server);
  w.advance(5s);
  CHECK(w.at(caller).ended.at(call) == value{42});
  CHECK(w.at(caller).ends[call] == 1);
}

TEST_CASE("redis server: a popped task whose claim was lost is claimed again") {
  redis_world w;
  auto server = w.add(redis_functions()), caller = w.add();
  w.settle();
  auto call = w.call(caller, "mul", {6, 7}, 30);
  w.handle_events(caller);
  w.move_bytes(caller, std::string::npos);
  w.move_bytes(server, std::string::npos); // the task arrives, and the claim waits
  REQUIRE(w.at(server).node.server().running() == 1);
  REQUIRE(w.at(server).to_run.empty());
  for (auto& [link, wire] : w.at(server).wires) wire.to_server.clear();
  w.break_all(server);
  w.advance(5s);
  w.run_tasks(server);
  w.settle();
  CHECK(w.at(caller).ended.at(call) == value{42});
}

TEST_CASE("redis server: a drain takes no task, and loses none that was popped") {
  redis_world w;
  auto server = w.add(redis_functions(), 4), caller = w.add();
  w.settle();
  auto first = w.call(caller, "mul", {1, 2}, 60);
  w.settle();
  w.at(server).node.go_away(w.now);
  CHECK_FALSE(w.at(server).node.is_drained());
  auto second = w.call(caller, "mul", {3, 4}, 60); // Redis may still give it to the blocked server
  w.run_tasks(server);
  CHECK(w.at(server).node.is_drained());
  CHECK(w.at(caller).ended.at(first) == value{2});
  auto other = w.add(redis_functions());
  w.run_tasks(other);
  CHECK(w.at(caller).ended.at(second) == value{12});
}

TEST_CASE("redis server: a function's own timeout is answered") {
  redis_world w;
  patio::registry r{{.project = "t"}};
  r.add("slow", [](std::int64_t n) { return n; }, {.timeout = 1s});
  auto server = w.add(r), caller = w.add();
  w.settle();
  auto call = w.call(caller, "slow", {1}, 60);
  w.settle();
  REQUIRE(w.at(server).to_run.size() == 1);
  w.advance(1500ms);
  auto end = w.at(caller).ended.at(call);
  REQUIRE_FALSE(end);
  CHECK(is_timeout(end.error()));
}

TEST_CASE("redis server: a result that cannot be sent becomes an error") {
  auto reply = patio::redis::write_reply(value{std::string(1000, 'x')}, {}, 500);
  CHECK(reply.is_error);
  auto error = patio::redis::read_reply(true, reply.body, {}, {});
  REQUIRE_FALSE(error);
  CHECK(error.error().code == errc::remote_error);
}

TEST_CASE("redis server: a task whose reply_to is no token deletes nothing and is dropped") {
  for (std::string key :
       {"f2", "t.f2", "t.00000000-0000-0000-0000-00000000000g",
        "00000000-0000-0000-0000-000000000001", "tx00000000-0000-0000-0000-000000000001",
        "t.000000000000000000000000000000000000"}) {
    CAPTURE(key);
    redis_world w;
    auto server = w.add(redis_functions());
    w.settle();
    w.redis.push(key, "a task of another function");
    python_caller{w}.push("mul", task("mul", {6, 7}, key));
    CHECK(w.redis.length_of(key) == 1);
    CHECK(w.at(server).to_run.empty());
    CHECK(w.at(server).node.server().dropped() == 1);
  }
}

TEST_CASE("redis server: a task with too many keyword arguments is refused") {
  redis_world w;
  auto server = w.add(redis_functions());
  w.settle();
  python_caller python{w};
  patio::call_request request{"echo", {}, {}};
  for (std::size_t i = 0; i <= patio::limits{}.keywords_per_call; ++i)
    request.args.keywords.emplace_back("k" + std::to_string(i), 1);
  std::string body;
  REQUIRE(patio::redis::write_task(request, token(1), body, {}, 1 << 20));
  python.push("echo", body, token(1));
  CHECK(w.at(server).to_run.empty());
  CHECK(w.redis.has(token(1) + ":error"));
}
