// The bytes that Python's plugin and a real Redis exchanged, from tests/data/redis.jsonl.
#include <patio/redis/node.hpp>

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "hex.hpp"
#include "json_rows.hpp"
#include "redis/redis_world.hpp"

using patio::redis::resp;

namespace {

std::vector<resp> read_all(const std::string& bytes) {
  patio::redis::resp_reader reader{{}};
  std::vector<resp> all;
  REQUIRE(reader.read(bytes, all));
  return all;
}

std::vector<std::string> words(const resp& command) {
  std::vector<std::string> all;
  for (const auto& item : command.items) all.push_back(item.text);
  return all;
}

} // namespace

TEST_CASE("redis vectors: every byte of both directions is read and written as it was") {
  std::size_t commands = 0;
  for (const auto& row : json_rows("redis.jsonl")) {
    if (row["kind"] != "bytes") continue;
    auto bytes = from_hex(row["bytes"].get<std::string>());
    for (const auto& r : read_all(bytes)) {
      if (row["dir"] != "C>S") continue;
      std::string again;
      auto all = words(r);
      std::vector<std::string_view> parts(all.begin(), all.end());
      patio::redis::append_command(again, parts);
      CHECK(bytes.find(again) != std::string::npos);
      ++commands;
    }
  }
  CHECK(commands > 40);
}

TEST_CASE("redis vectors: a task is written byte for byte as Python's plugin does") {
  std::size_t tasks = 0;
  for (const auto& row : json_rows("redis.jsonl")) {
    if (row["kind"] != "bytes" || row["side"] != "client" || row["dir"] != "C>S") continue;
    for (const auto& r : read_all(from_hex(row["bytes"].get<std::string>()))) {
      auto command = words(r);
      if (command.at(0) != "RPUSH") continue;
      auto task = patio::redis::read_task(command.at(2), {}, {});
      REQUIRE(task);
      CHECK(task->method == command.at(1));
      std::string body;
      REQUIRE(patio::redis::write_task({task->method, task->args, {}}, task->reply_to, body, {},
                                       1 << 20));
      CHECK(to_hex(body) == to_hex(command.at(2)));
      ++tasks;
    }
  }
  CHECK(tasks > 8);
}

TEST_CASE("redis vectors: a reply is read, and written byte for byte as Python's plugin does") {
  std::size_t replies = 0;
  for (const auto& row : json_rows("redis.jsonl")) {
    if (row["kind"] != "bytes" || row["side"] != "server" || row["dir"] != "C>S") continue;
    for (const auto& r : read_all(from_hex(row["bytes"].get<std::string>()))) {
      auto command = words(r);
      if (command.at(0) != "RPUSH") continue;
      bool is_error = command.at(1).ends_with(":error");
      auto read = patio::redis::read_reply(is_error, command.at(2), {}, {});
      REQUIRE(read.has_value() != is_error);
      if (is_error && !read.error().exception.exception_type().starts_with("builtins.")) continue;
      auto again = patio::redis::write_reply(read, {}, 1 << 20);
      CHECK(again.is_error == is_error);
      CHECK(to_hex(again.body) == to_hex(command.at(2)));
      ++replies;
    }
  }
  CHECK(replies > 5);
}

// C++ puts the two commands into a transaction; the rest differs in ids and times alone.
TEST_CASE("redis vectors: a call sends the commands of Python's plugin, but for ids and times") {
  using command = simulated_redis::words;
  std::vector<command> python;
  for (const auto& row : json_rows("redis.jsonl")) {
    if (row["kind"] != "bytes" || row["side"] != "client" || row["dir"] != "C>S") continue;
    for (const auto& r : read_all(from_hex(row["bytes"].get<std::string>()))) {
      auto all = words(r);
      if (all.at(0) == "SETEX" || all.at(0) == "RPUSH") python.push_back(std::move(all));
    }
  }
  REQUIRE(python.size() > 2);
  REQUIRE(python[1].at(1) == "mul"); // mul(6, 7) with a timeout of 1 s
  redis_world w;
  auto caller = w.add(patio::registry{}, 0, {.token_grace = std::chrono::seconds{0}});
  w.settle();
  w.redis.log.clear();
  w.call(caller, "mul", {6, 7}, 1);
  w.settle();
  REQUIRE(w.redis.log.size() >= 5);
  CHECK(w.redis.log[0] == command{"MULTI"});
  CHECK(w.redis.log[3] == command{"EXEC"});
  auto theirs = python[0].at(1), ours = w.redis.log[1].at(1);
  REQUIRE(ours.size() == theirs.size());
  python[0][1] = ours;
  auto& body = python[1].at(2);
  body.replace(body.find(theirs), theirs.size(), ours);
  CHECK(w.redis.log[1] == python[0]);
  CHECK(w.redis.log[2] == python[1]);
}

TEST_CASE("redis vectors: an odd task has the reply that Python gives, or a stricter one") {
  for (const auto& row : json_rows("redis.jsonl")) {
    if (row["kind"] != "odd-task") continue;
    auto name = row["name"].get<std::string>();
    CAPTURE(name);
    auto task = patio::redis::read_task(from_hex(row["task"].get<std::string>()), {}, {});
    if (name == "args is an int") {
      REQUIRE_FALSE(task);
      auto reply = patio::redis::write_reply(tl::unexpected(task.error().why), {}, 1 << 20);
      CHECK(to_hex(reply.body) == row["reply"].get<std::string>());
    } else {
      CHECK(task);
    }
  }
}
