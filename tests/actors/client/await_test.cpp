// Calls that coroutines await.
#include <doctest/doctest.h>

#include <coroutine>

#include <patio/patio.hpp>

#include "outcomes.hpp"

using namespace patio;
using namespace patio::tests;
using namespace std::chrono_literals;

namespace {

/// A coroutine type of a user: runs at once, and tells its result once it is suspended at its end.
/// Nobody can therefore destroy it while it runs.
class job {
public:
  class promise_type {
  public:
    job get_return_object() {
      return {std::coroutine_handle<promise_type>::from_promise(*this), result_.get_future()};
    }
    std::suspend_never initial_suspend() noexcept { return {}; }
    auto final_suspend() noexcept {
      struct tell {
        bool await_ready() noexcept { return false; }
        void await_suspend(std::coroutine_handle<promise_type> at) noexcept {
          auto result = std::move(at.promise().result_); // the coroutine may be destroyed meanwhile
          auto [value, error] = at.promise().outcome_;
          if (error) result.set_exception(error);
          else result.set_value(value);
        }
        void await_resume() noexcept {}
      };
      return tell{};
    }
    void return_value(std::int64_t value) { outcome_.first = value; }
    void unhandled_exception() { outcome_.second = std::current_exception(); }

  private:
    std::promise<std::int64_t> result_;
    std::pair<std::int64_t, std::exception_ptr> outcome_;
  };

  job(std::coroutine_handle<promise_type> coroutine, std::future<std::int64_t> result)
      : coroutine_{coroutine}, result{std::move(result)} {}
  job(const job&) = delete;
  job& operator=(const job&) = delete;
  ~job() { coroutine_.destroy(); }

private:
  std::coroutine_handle<promise_type> coroutine_;

public:
  std::future<std::int64_t> result;
};

using adder = remote<std::int64_t(std::int64_t, std::int64_t)>;

struct test_node {
  std::promise<reply_to<std::int64_t>> begun; // outlives the threads of the actor system
  system_config config;
  caf::actor_system system{config};
  registry rpc;
  std::optional<owned_broker<broker_actor>> node;
  broker_actor broker;

  test_node() {
    rpc.add("add", [](std::int64_t a, std::int64_t b) { return a + b; });
    rpc.add("fail", []() -> std::int64_t { throw python_error{"ValueError", {"no"}}; });
    rpc.add("slow", [this](reply_to<std::int64_t> r) { begun.set_value(std::move(r)); });
    node.emplace(spawn_memory_broker(system, spawn_async_pool(system, rpc)));
    broker = node->get();
  }
};

job sum_up(adder add, std::int64_t count) {
  std::int64_t sum = 0;
  for (std::int64_t i = 1; i <= count; ++i) sum = co_await add(sum, i);
  co_return sum;
}

job result_of(call_future<std::int64_t> answer) { co_return co_await answer; }

job wait_in_delivery(call_future<std::int64_t> answer, broker_actor broker) {
  (void)co_await answer;
  co_return call<std::int64_t>(broker, "add", 1, 2).get();
}

} // namespace

TEST_CASE("await: a coroutine gets the results of its calls, one after the other") {
  test_node t;
  auto running = sum_up({t.broker, "add"}, 1000);
  CHECK(ended(running.result) == 500'500);
}

TEST_CASE("await: an error of the call is thrown where the coroutine awaits") {
  test_node t;
  auto running = result_of(call<std::int64_t>(t.broker, "fail"));
  CHECK(raised(failure(std::move(running.result))) == "builtins.ValueError");
}

TEST_CASE("await: an answer that is there already does not suspend the coroutine") {
  test_node t;
  auto answer = call<std::int64_t>(t.broker, "add", 6, 7);
  answer.wait();
  auto running = result_of(std::move(answer));
  CHECK(is_ready(running.result));
  CHECK(ended(running.result) == 13);
}

TEST_CASE("await: destroying the coroutine cancels its call") {
  test_node t;
  std::promise<void> stopped;
  std::unique_ptr<job> running;
  running = std::unique_ptr<job>{new job(result_of(call<std::int64_t>(t.broker, "slow")))};
  auto duty = ended(t.begun.get_future());
  std::stop_callback on_stop{duty.stop_token(), [&] { stopped.set_value(); }};
  running.reset();
  ended(stopped.get_future());
  duty.answer(7); // resumes nobody
}

TEST_CASE("await: a wait in the thread that delivers answers is an error and not a deadlock") {
  test_node t;
  auto running = wait_in_delivery(call<std::int64_t>(t.broker, "slow"), t.broker);
  ended(t.begun.get_future()).answer(7);
  auto why = failure(std::move(running.result));
  CHECK(why.code == errc::invalid);
  CHECK(why.message.starts_with("waiting for a call would block the thread that delivers"));
}

TEST_CASE("await: a broker that ends resumes the coroutine with shut_down") {
  test_node t;
  auto running = result_of(call<std::int64_t>(t.broker, "slow"));
  auto duty = ended(t.begun.get_future());
  t.node.reset();
  CHECK(failure(std::move(running.result)).code == errc::shut_down);
}
