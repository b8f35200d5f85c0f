#include <patio/base/worker_demand.hpp>

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using patio::worker_demand;

namespace {

worker_demand short_tasks() {
  worker_demand demand{true};
  for (int i = 0; i < 200; ++i) demand.ended(1us, false);
  return demand;
}

} // namespace

TEST_CASE("worker_demand: unknown tasks and long tasks want a worker each") {
  worker_demand demand{true};
  CHECK(demand.workers(4) >= 4);
  for (int i = 0; i < 100; ++i) demand.ended(100us, false);
  CHECK(demand.workers(4) >= 4);
}

TEST_CASE("worker_demand: short tasks share a worker as far as they fill its share") {
  auto demand = short_tasks();
  CHECK(demand.workers(1) == 1);
  CHECK(demand.workers(40) == 1);
  auto many = demand.workers(1'000);
  CHECK(many > 10);
  CHECK(many < 40);
}

TEST_CASE("worker_demand: one long run is forgotten") {
  auto demand = short_tasks();
  demand.ended(1h, false);
  CHECK(demand.workers(10) >= 10);
  for (int i = 0; i < 60; ++i) demand.ended(1us, false);
  CHECK(demand.workers(10) == 1);
}

TEST_CASE("worker_demand: when no run ends until the check, tasks count as long") {
  auto demand = short_tasks();
  CHECK(demand.begin_check(7));
  CHECK_FALSE(demand.begin_check(8)); // one check at a time
  SUBCASE("no run ends") {
    CHECK(demand.end_check() == 7);
    CHECK(demand.workers(10) >= 10);
  }
  SUBCASE("a run ends") {
    demand.ended(1us, false);
    CHECK(demand.end_check() == 7);
    CHECK(demand.workers(10) == 1);
    CHECK(demand.begin_check(9));
  }
  SUBCASE("the check cannot take place") {
    demand.drop_check();
    CHECK(demand.begin_check(8));
  }
}

TEST_CASE("worker_demand: the worker of a long run does not count") {
  auto demand = short_tasks();
  demand.long_run();
  CHECK(demand.workers(1) == 2);
  demand.ended(1us, true);
  CHECK(demand.workers(1) == 1);
}

TEST_CASE("worker_demand: without checks, each task wants a worker") {
  worker_demand demand{false};
  for (int i = 0; i < 100; ++i) demand.ended(1us, false);
  CHECK(demand.workers(4) >= 4);
  CHECK_FALSE(demand.begin_check(1));
}

TEST_CASE("worker_demand: a time below zero and huge numbers of tasks do no harm") {
  worker_demand demand{true};
  demand.ended(-1h, false);
  CHECK(demand.workers(0) == 1);
  CHECK(demand.workers(static_cast<std::size_t>(-1)) > 1);
}
