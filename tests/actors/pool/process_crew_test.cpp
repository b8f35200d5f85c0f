// The decisions of a process pool, in virtual time and without processes.
#include "process_crew_fixture.hpp"

using namespace patio;
using namespace patio::tests;
using namespace std::chrono_literals;

TEST_CASE("process_crew: all processes start at once, and calls begin on those that are ready") {
  crew_test t{{.workers = 3}};
  CHECK(t.count(act::start) == 3);
  t.announce({0, 1});
  CHECK(t.actions.empty());
  t.ready(2);
  CHECK(t.only(act::begin).process == 2);
  CHECK(t.only(act::begin).what == slot_run{0, 1});
}

TEST_CASE("process_crew: a lost process fails only its own call, and is replaced after a delay") {
  crew_test t{{.workers = 2}};
  t.ready(0);
  t.ready(1);
  t.announce({0, 1});
  t.announce({1, 2});
  t.exited(0, "signal 11 (SIGSEGV)");
  auto& lost = t.only(act::end_calls);
  CHECK(lost.process == 0);
  CHECK(lost.why.code == errc::maybe_executed);
  CHECK(lost.why.message == "worker lost: signal 11 (SIGSEGV)");
  CHECK(t.count(act::start) == 0);
  t.tick_when_due();
  CHECK(t.only(act::start).process == 0);
  CHECK(t.now < 101s);
}

TEST_CASE(
  "process_crew: a run that has not begun waits for any process, not for the lost process") {
  crew_test t{{.workers = 2}};
  t.ready(0);
  t.announce({0, 1});
  t.announce({1, 2}); // no process is free
  t.exited(0);
  CHECK(t.count(act::begin) == 0);
  t.ready(1);
  CHECK(t.only(act::begin).what == slot_run{1, 2});
}

TEST_CASE("process_crew: a call past its deadline is stopped, and its process is killed one second "
          "later") {
  crew_test t{{.workers = 1}};
  t.ready(0);
  t.announce({0, 1}, t.now + 5s);
  t.tick(4999ms);
  CHECK(t.actions.empty());
  t.tick(1ms);
  CHECK(t.only(act::stop_call).process == 0);
  t.tick(999ms);
  CHECK(t.actions.empty());
  t.tick(1ms);
  CHECK(t.count(act::kill) == 1);
  CHECK(t.only(act::end_calls).why.message
        == "worker lost: killed 1 s after the deadline of its call");
  t.exited(0);
  CHECK(t.count(act::end_calls) == 0); // the call has been answered
}

TEST_CASE("process_crew: a call that nobody waits for is stopped at once, and killed one second "
          "later") {
  crew_test t{{.workers = 1}};
  t.ready(0);
  t.announce({0, 1});
  t.crew.stop(0, {0, 7}, t.now); // another run
  t.take();
  CHECK(t.actions.empty());
  t.crew.stop(0, {0, 1}, t.now);
  t.take();
  CHECK(t.count(act::stop_call) == 1);
  t.tick(1s);
  CHECK(t.count(act::kill) == 1);
}

TEST_CASE("process_crew: a process that answers in time is not killed, and goes on with its slot") {
  crew_test t{{.workers = 1}};
  t.ready(0);
  t.announce({0, 1}, t.now + 1s);
  CHECK(t.crew.answered(0, t.now));
  t.crew.skipped(0, t.now); // the slot has nothing more to run
  CHECK(t.crew.next_deadline() == never);
  t.announce({0, 2});
  CHECK(t.only(act::begin).process == 0);
}

TEST_CASE("process_crew: a process that is not ready in time is killed and counts as a failure") {
  crew_test t{{.workers = 1, .start_timeout = 10s, .failures_to_open = 1}};
  t.tick(10s);
  CHECK(t.count(act::kill) == 1);
  t.exited(0);
  t.announce({0, 1});
  CHECK(t.only(act::refuse)
          .why.message.find("it was not ready after 10 s (does the main function of "
                            "/proc/self/exe begin with patio::run_if_worker?)")
        != std::string::npos);
}

TEST_CASE("process_crew: a crash loop opens the breaker, which refuses calls and lets one probe "
          "start at a time") {
  crew_test t{{.workers = 4, .failures_to_open = 5}};
  std::size_t starts = 4;
  t.announce({0, 1});
  std::size_t refused = 0;
  for (int i = 0; refused == 0; ++i) {
    REQUIRE(i < 20);
    for (std::size_t process = 0; process < 4; ++process) {
      t.exited(process, "exit status 3");
      starts += t.count(act::start);
      refused += t.count(act::refuse);
    }
    if (refused > 0) break;
    t.tick_when_due();
    starts += t.count(act::start);
  }
  CHECK(starts <= 8);
  t.announce({0, 2});
  auto why = t.only(act::refuse).why;
  CHECK(why.code == errc::overloaded);
  CHECK(why.message.find("exit status 3") != std::string::npos);
  for (std::size_t attempt = 0; attempt < 3; ++attempt) { // each attempt is one process
    t.tick_when_due();
    auto probe = t.only(act::start).process;
    t.announce({0, 3 + attempt});
    CHECK(t.actions.empty()); // waits for the probe
    t.exited(probe, "exit status 3");
    CHECK(t.count(act::refuse) == 1);
    CHECK(t.count(act::start) == 0);
  }
}

TEST_CASE("process_crew: a probe that is ready closes the breaker, and all processes start") {
  crew_test t{{.workers = 3, .failures_to_open = 1}};
  for (std::size_t process = 0; process < 3; ++process) t.exited(process, "exit status 3");
  t.tick_when_due();
  auto probe = t.only(act::start).process;
  t.ready(probe);
  CHECK(t.count(act::start) == 2);
  t.announce({0, 1});
  CHECK(t.only(act::begin).process == probe);
}

TEST_CASE("process_crew: functions that crash their processes never open the breaker") {
  crew_test t{{.workers = 1, .failures_to_open = 2}};
  t.ready(0);
  for (std::uint64_t run = 1; run < 50; ++run) {
    t.announce({0, run});
    CHECK(t.count(act::begin) == 1);
    t.exited(0, "signal 11 (SIGSEGV)");
    CHECK(t.count(act::end_calls) == 1);
    auto lost_at = t.now;
    t.tick_when_due();
    CHECK(t.count(act::start) == 1);
    CHECK(t.now - lost_at <= 500ms); // the pool is back to its size within a second
    t.ready(0);
  }
}

TEST_CASE(
  "process_crew: another program in place of the worker program opens the breaker at once") {
  crew_test t{{.workers = 1}};
  t.crew.broke(0, "the worker program has other functions", t.now, true);
  t.take();
  CHECK(t.count(act::kill) == 1);
  t.exited(0);
  t.announce({0, 1});
  CHECK(t.only(act::refuse).why.message.find("other functions") != std::string::npos);
}

TEST_CASE("process_crew: after calls_per_worker calls a process ends and is replaced at once") {
  crew_test t{{.workers = 1, .calls_per_worker = 2}};
  t.ready(0);
  t.announce({0, 1});
  CHECK(t.crew.answered(0, t.now));
  t.crew.began(0, {0, 2}, never, t.now);
  CHECK_FALSE(t.crew.answered(0, t.now));
  t.take();
  CHECK(t.count(act::end_input) == 1);
  t.announce({0, 3});
  CHECK(t.actions.empty());
  t.exited(0, "exit status 0");
  CHECK(t.count(act::start) == 1);
  t.ready(0);
  CHECK(t.count(act::begin) == 1);
}

TEST_CASE(
  "process_crew: a process gets further calls only after quick answers, and up to a bound") {
  crew_test t{{.workers = 1}};
  t.ready(0);
  t.announce({0, 1});
  t.announce({1, 2});
  CHECK(t.actions.empty());               // nothing is known about the calls yet
  CHECK_FALSE(t.crew.answered(0, t.now)); // gets the second call
  t.take();
  t.become_quick(batch_depth::max);
  std::size_t given = 0;
  for (std::uint64_t run = 0; run < 100; ++run) {
    t.crew.announce({0, run}, t.now);
    t.take();
    given += t.count(act::begin);
  }
  CHECK(given == batch_depth::max);
}

TEST_CASE("process_crew: calls behind a slow call are taken back, and the depth is halved") {
  crew_test t{{.workers = 2}};
  t.ready(0);
  t.announce({0, 1});
  t.become_quick(4);
  t.announce({0, 100});
  t.announce({1, 101});
  CHECK(t.only(act::begin).process == 0); // behind the first call: the other process is not ready
  CHECK(t.crew.next_deadline() <= t.now + batch_depth::quick);
  t.tick(batch_depth::quick);
  CHECK(t.only(act::take_back).process == 0);
  CHECK(t.crew.depth() == 2);
  t.crew.skipped(0, t.now);
  t.announce({1, 101});
  t.tick(batch_depth::quick);
  CHECK(t.count(act::begin) == 0); // nothing is queued behind a slow call
  t.ready(1);
  CHECK(t.only(act::begin).process == 1);
}

TEST_CASE("process_crew: a process that ends before it has begun a call has failed") {
  crew_test t{{.workers = 1, .failures_to_open = 1}};
  t.ready(0);
  t.announce({0, 1});
  t.crew.exited(0, "exit status 1", t.now, true);
  t.take();
  CHECK(t.count(act::end_calls) == 0);
  t.announce({0, 1});
  CHECK(t.only(act::refuse).why.code == errc::overloaded);
}

TEST_CASE("process_crew: a process that closes its socket and goes on is killed") {
  crew_test t{{.workers = 1}};
  t.ready(0);
  t.announce({0, 1});
  t.crew.closed(0, t.now);
  t.tick(1s);
  CHECK(t.only(act::end_calls).why.message == "worker lost: it closed its socket");
}
