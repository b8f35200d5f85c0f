// Cancelled calls on each kind of broker. The call ends at once, and its function is told to stop.
#include <doctest/doctest.h>

#include <caf/scoped_actor.hpp>

#include "nodes.hpp"

using namespace patio;
using namespace patio::tests;

namespace {

/// The function "watch" never answers, and counts its starts and stops. The function "two" answers
/// 2.
class watched {
public:
  registry functions() {
    registry rpc;
    rpc.add("watch", [this](reply_to<std::int64_t> r) {
      auto stop = r.stop_token();
      auto& w = begin(std::move(r));
      w.callback =
        std::make_unique<callback>(stop, count_stop{this}); // the callback may run at once
    });
    rpc.add("two", [] { return 2; });
    return rpc;
  }
  void await_begun(int n) { await(began_, n); }
  void await_stopped(int n) { await(stopped_, n); }

private:
  struct count_stop {
    watched* w;
    void operator()() const {
      std::lock_guard lock{w->mutex_};
      ++w->stopped_;
      w->changed_.notify_all();
    }
  };
  using callback = std::stop_callback<count_stop>;
  struct run {
    explicit run(reply_to<std::int64_t> r) : answer{std::move(r)} {}
    reply_to<std::int64_t> answer;
    std::unique_ptr<std::stop_callback<count_stop>> callback;
  };
  run& begin(reply_to<std::int64_t> r) {
    std::lock_guard lock{mutex_};
    ++began_;
    changed_.notify_all();
    return running_.emplace_back(std::move(r));
  }
  void await(int& counter, int n) {
    std::unique_lock lock{mutex_};
    REQUIRE(changed_.wait_for(lock, patience, [&] { return counter >= n; }));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  int began_ = 0, stopped_ = 0;
  std::deque<run> running_;
};

/// Runs the test with a memory broker, and with a node that calls another.
template <class F>
void on_each_broker(F test) {
  SUBCASE("memory broker") {
    watched w;
    system_config config;
    caf::actor_system system{config};
    auto broker =
      spawn_memory_broker(system, spawn_async_pool(system, w.functions(), {.workers = 1}));
    test(broker, w);
    shut_down(broker);
  }
  SUBCASE("C++ peer") {
    watched w;
    tcp_node server{w.functions(), {}, {.workers = 1}}, client;
    client.connect(server.listen());
    test(caf::actor_cast<broker_actor>(client.broker()), w);
  }
}

} // namespace

TEST_CASE("cancel: dropping a future stops its function at the callee") {
  on_each_broker([](const broker_actor& broker, watched& w) {
    {
      auto dropped = call<std::int64_t>(broker, "watch");
      w.await_begun(1);
      CHECK_FALSE(is_ready(dropped));
    }
    w.await_stopped(1);
    CHECK(ended(call<std::int64_t>(broker, "two")) == 2);
  });
}

TEST_CASE("cancel: a cancelled call ends with errc::cancelled, at once and only once") {
  on_each_broker([](const broker_actor& broker, watched& w) {
    auto one = call<std::int64_t>(broker, "watch");
    auto two = call<std::int64_t>(broker, "watch");
    w.await_begun(2);
    one.cancel();
    CHECK(failure(std::move(one)).code == errc::cancelled);
    w.await_stopped(1);
    CHECK_FALSE(is_ready(two));
    two = call<std::int64_t>(broker, "watch"); // the assignment cancels the earlier call
    w.await_stopped(2);
    w.await_begun(3);
    CHECK_FALSE(is_ready(two));
  });
}

TEST_CASE("cancel: cancelling a call that has ended does nothing") {
  on_each_broker([](const broker_actor& broker, watched&) {
    auto done = call<std::int64_t>(broker, "two");
    REQUIRE(done.wait_for(patience) == std::future_status::ready);
    done.cancel();
    CHECK(done.get() == 2);
    CHECK_FALSE(done.valid());
  });
}

TEST_CASE(
  "cancel: a caller's own stop token cancels all calls that carry it, from futures and from "
  "actors") {
  on_each_broker([](const broker_actor& broker, watched& w) {
    std::stop_source all;
    auto future = call<std::int64_t>(broker, call_target{"watch", {.stop = all.get_token()}});
    auto watch = remote<std::int64_t()>(broker, "watch", {.stop = all.get_token()});
    auto answer = std::make_shared<std::promise<result<value>>>();
    broker.home_system().spawn([=](caf::event_based_actor* self) {
      self->request(watch, caf::infinite, caf::unit)
        .then([=](std::int64_t n) { answer->set_value(value{n}); },
              [=](const caf::error& e) { answer->set_value(tl::unexpected(from_caf(e))); });
    });
    w.await_begun(2);
    all.request_stop();
    CHECK(failure(std::move(future)).code == errc::cancelled);
    auto r = ended(answer->get_future());
    REQUIRE_FALSE(r);
    CHECK(r.error().code == errc::cancelled);
    w.await_stopped(2);
    auto too_late = call<std::int64_t>(broker, call_target{"watch", {.stop = all.get_token()}});
    CHECK(failure(std::move(too_late)).code == errc::cancelled);
  });
}

TEST_CASE("cancel: a function that runs for a lost peer is told to stop") {
  watched w;
  tcp_node server{w.functions()};
  auto where = server.listen();
  auto client = std::make_unique<tcp_node>(
    registry{}, tcp_options{.limits = {.drain_timeout = std::chrono::nanoseconds{0}}});
  client->connect(where);
  auto lost = call<std::int64_t>(client->broker(), "watch");
  w.await_begun(1);
  client.reset();
  w.await_stopped(1);
  CHECK(failure(std::move(lost)).code == errc::maybe_executed);
}
