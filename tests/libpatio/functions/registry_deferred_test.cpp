// Functions that answer later.
#include <patio/functions/registry.hpp>

#include <doctest/doctest.h>

#include <stdexcept>

using patio::registry;
using patio::reply;
using patio::reply_to;
using patio::result;
using patio::value;

namespace {

using answers = std::vector<std::string>;

const std::string dropped = "RuntimeError: the function was dropped without an answer";

/// Runs a deferred function and collects its answers.
template <class F>
void run(F f, std::vector<value> args, answers& got) {
  registry r;
  r.add("f", std::move(f));
  const auto& entry = std::get<patio::deferred_function>(r.find("f")->run);
  auto sink = [&got](result<value> answer) {
    got.push_back(answer ? std::to_string(*answer->as_int64()) : to_string(answer.error()));
  };
  entry({std::move(args), {}}, reply{sink}, nullptr);
}

} // namespace

TEST_CASE("registry: a function that answers later gets its arguments converted") {
  answers got;
  std::vector<reply_to<int>> waiting;
  run(
    [&](reply_to<int> duty, int a, int b) {
      CHECK(a + b == 3);
      waiting.push_back(std::move(duty));
    },
    {1, 2}, got);
  CHECK(got.empty());
  waiting[0].answer(42);
  waiting[0].answer(43);
  CHECK(got == answers{"42"});
}

TEST_CASE("registry: a function may answer at once") {
  answers got;
  run([](reply_to<int> duty) { duty.answer(1); }, {}, got);
  CHECK(got == answers{"1"});
}

TEST_CASE("registry: wrong arguments are answered before the function is called") {
  answers got;
  bool called = false;
  run([&](reply_to<int>, int) { called = true; }, {"x"}, got);
  run([&](reply_to<int>, int) { called = true; }, {}, got);
  CHECK_FALSE(called);
  CHECK(got
        == answers{"TypeError: f() argument 'arg1' must be int, not str",
                   "TypeError: f() missing 1 required positional argument: 'arg1'"});
}

TEST_CASE("registry: a reply dropped at once or later answers with an error") {
  answers got;
  run([](reply_to<int>) {}, {}, got);
  CHECK(got == answers{dropped});
  std::vector<reply_to<int>> waiting;
  run([&](reply_to<int> duty) { waiting.push_back(std::move(duty)); }, {}, got);
  CHECK(got.size() == 1);
  waiting.clear();
  CHECK(got == answers{dropped, dropped});
}

TEST_CASE("registry: an exception of a function that answers later is the answer") {
  answers got;
  run([](reply_to<int>) { throw std::invalid_argument{"bad"}; }, {}, got);
  run([](reply_to<int>) { throw 7; }, {}, got);
  CHECK(
    got
    == answers{"ValueError: bad", "RuntimeError: a C++ exception that is not a std::exception"});
}

TEST_CASE("registry: an exception after the answer or after moving the reply gives one answer") {
  answers got;
  auto answer_and_throw = [](reply_to<int> duty) {
    duty.answer(1);
    throw std::runtime_error{"too late"};
  };
  run(answer_and_throw, {}, got);
  CHECK(got == answers{"1"});
  got.clear();
  std::vector<reply_to<int>> waiting;
  auto keep_and_throw = [&](reply_to<int> duty) {
    waiting.push_back(std::move(duty));
    throw std::runtime_error{"kept"};
  };
  run(keep_and_throw, {}, got);
  waiting[0].answer(2);
  waiting.clear();
  CHECK(got == answers{"RuntimeError: std::runtime_error: kept"});
}

TEST_CASE("registry: a function that answers later can fail and is never quick") {
  answers got;
  run([](reply_to<int> duty) { duty.fail({patio::errc::overloaded, "full", {}}); }, {}, got);
  CHECK(got == answers{"too many calls are waiting: full"});
  registry r;
  r.add("f", [](reply_to<int>) {}, {.quick = true});
  r.add("g", [] {}, {.quick = true});
  CHECK_FALSE(r.find("f")->quick);
  CHECK(r.find("g")->quick);
  CHECK(r.find("f")->signature == "() -> int");
}
