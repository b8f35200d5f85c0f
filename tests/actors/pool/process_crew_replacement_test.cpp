// A process pool whose processes are out of date, in virtual time and without processes.
#include "process_crew_fixture.hpp"

using namespace patio;
using namespace patio::tests;

TEST_CASE(
  "process_crew: a replacement ends idle processes at once, and busy ones after their call") {
  crew_test t{{.workers = 2}};
  t.ready(0);
  t.ready(1);
  t.announce({0, 1});
  t.crew.replace_all(t.now);
  t.take();
  CHECK(t.only(act::end_input).process == 1);
  t.announce({1, 2}); // waits for a new process
  CHECK(t.actions.empty());
  t.exited(1, "exit status 0");
  CHECK(t.only(act::start).process == 1);
  t.ready(1);
  CHECK(t.only(act::begin).process == 1);
  CHECK_FALSE(t.crew.answered(0, t.now));
  t.take();
  CHECK(t.only(act::end_input).process == 0);
  t.exited(0, "exit status 0");
  CHECK(t.only(act::start).process == 0);
}

TEST_CASE("process_crew: a process that starts during a replacement is replaced when it is ready") {
  crew_test t{{.workers = 1}};
  t.crew.replace_all(t.now);
  t.take();
  CHECK(t.actions.empty());
  t.ready(0);
  CHECK(t.count(act::end_input) == 1);
  t.exited(0, "exit status 0");
  t.ready(0);
  t.announce({0, 1});
  CHECK(t.count(act::begin) == 1);
}

TEST_CASE("process_crew: a replacement takes back the calls that a process has not begun") {
  crew_test t{{.workers = 1}};
  t.ready(0);
  t.announce({0, 1});
  t.become_quick(4);
  t.announce({0, 1});
  t.crew.announce({1, 2}, t.now);
  t.take();
  t.crew.replace_all(t.now);
  t.take();
  CHECK(t.count(act::take_back) == 1);
  t.crew.skipped(0, t.now);
  CHECK_FALSE(t.crew.answered(0, t.now));
  t.take();
  CHECK(t.count(act::end_input) == 1);
}
