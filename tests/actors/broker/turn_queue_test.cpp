// The order in which connections use the I/O thread, without a thread or a socket.
#include <doctest/doctest.h>

#include <vector>

#include <patio/actors/broker/turn_queue.hpp>

using namespace patio;
using namespace std::chrono_literals;

namespace {

instant now{};

/// A queue, the number of turns that it has requested, and the jobs that ran.
struct asked_turns {
  int asked = 0;
  std::shared_ptr<bool> flag;
  turn_queue queue{[this](const std::shared_ptr<bool>& f) {
                     ++asked;
                     flag = f;
                   },
                   [] { return now; }};
  std::vector<int> ran;

  asked_turns() { now = 1h; }
  /// Defers a job that takes some time.
  void defer(int number, std::chrono::nanoseconds takes = 0ns) {
    queue.defer([this, number, takes] {
      ran.push_back(number);
      now += takes;
    });
  }
};

} // namespace

TEST_CASE("turn_queue: deferred jobs run in their order, in a turn that is requested once") {
  asked_turns t;
  t.defer(1);
  t.defer(2);
  CHECK(t.asked == 1);
  CHECK(t.ran.empty());
  t.queue.run_turn();
  CHECK(t.ran == std::vector{1, 2});
  CHECK(t.asked == 1);
  t.defer(3);
  CHECK(t.asked == 2);
}

TEST_CASE("turn_queue: a turn ends after 200 us, and another turn is requested") {
  asked_turns t;
  t.defer(1, 150us);
  t.defer(2, 50us);
  t.defer(3);
  t.queue.run_turn();
  CHECK(t.ran == std::vector{1, 2});
  CHECK(t.asked == 2);
  t.queue.run_turn();
  CHECK(t.ran == std::vector{1, 2, 3});
  CHECK(t.asked == 2);
}

TEST_CASE("turn_queue: a job may defer another job") {
  asked_turns t;
  t.queue.defer([&] { t.defer(1); });
  t.queue.run_turn();
  CHECK(t.ran == std::vector{1});
  t.queue.defer([&] {
    now += 1ms;
    t.defer(2);
  });
  t.queue.run_turn();
  CHECK(t.ran == std::vector{1});
  CHECK(t.asked == 3);
}

TEST_CASE("turn_queue: a turn that was not run for lack of memory is requested again") {
  asked_turns t;
  t.queue.ask_for_turn();
  CHECK(t.asked == 0);
  t.defer(1);
  t.queue.ask_for_turn();
  CHECK(t.asked == 1);
  *t.flag = false;
  t.queue.ask_for_turn();
  CHECK(t.asked == 2);
}

TEST_CASE("turn_queue: a connection that has spent its share waits while another connection has "
          "sent lately") {
  asked_turns t;
  time_share spent{now};
  spent.took(10ms, now);
  t.queue.heard(1, now);
  CHECK_FALSE(t.queue.may_run(spent, now));
  now += 4ms;
  t.queue.heard(1, now);
  CHECK_FALSE(t.queue.may_run(spent, now));
  now += 1ms;
  CHECK(t.queue.may_run(spent, now));

  t.queue.heard(2, now);
  CHECK_FALSE(t.queue.may_run(spent, now));
  now += 1s; // the share recovers
  t.queue.heard(1, now);
  CHECK(t.queue.may_run(spent, now));
}

TEST_CASE("turn_queue: a connection that is alone does not spend its share") {
  asked_turns t;
  now += 1s;
  time_share share{now - 1s};
  t.queue.account_time(share, now, now + 100ms);
  t.queue.heard(1, now);
  CHECK(t.queue.may_run(share, now));
  t.queue.account_time(share, now, now + 2ms);
  CHECK_FALSE(t.queue.may_run(share, now + 2ms));
}
