// 100,000 calls over connections that are cut, reset, stalled, half-closed and fragmented. Every
// call ends once, and no call runs twice.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>

#include "run.hpp"
#include "seed.hpp"

using namespace patio::chaos;

namespace {

constexpr std::uint64_t min_of_each_fault = 20;

run_report run_and_print(run_options o) {
  o.faults.seed = test_seed();
  std::printf("PATIO_TEST_SEED=%llu replays the faults of:\n",
              static_cast<unsigned long long>(o.faults.seed));
  std::fflush(stdout);
  auto r = run(o);
  print(r);
  return r;
}

/// Checks what holds for every pair of languages.
void check_calls(const run_report& r) {
  CHECK(r.hung == 0);
  CHECK(r.calls.ended == r.options.calls);
  CHECK(r.calls.ended_twice == 0);
  CHECK(r.calls.executed_twice == 0);
  CHECK(r.calls.wrong_values == 0);
  CHECK(r.calls.values_not_executed == 0);
  CHECK(r.calls.refusals_executed == 0);
}

/// Checks that there were faults of each kind, and that many calls gave a value. A run without both
/// proves nothing.
void check_faults(const run_report& r) {
  for (std::size_t i = 0; i < fault_kinds; ++i) {
    CAPTURE(fault_names[i]);
    CHECK(r.faults[i] >= min_of_each_fault);
  }
  CHECK(r.login_faults >= min_of_each_fault);
  CHECK(r.endings.at("value") > r.options.calls / 3);
}

void check_cpp_client(const run_report& r) {
  CHECK(r.calls.overdue == 0);
  CHECK(r.calls.early == 0);
  CHECK(r.probed == "4 of 4");
  CHECK(r.client_exit == 0);
}

/// Checks that these endings occurred, so that the run has tested their rules.
void check_endings(const run_report& r, std::initializer_list<std::string_view> endings) {
  for (auto ending : endings) {
    CAPTURE(ending);
    CHECK(r.endings.contains(std::string{ending}));
  }
}

void check_server(const run_report& r) {
  CHECK(r.left_running == 0);
  CHECK(r.left_peers == 0);
  CHECK(r.answered_after == calls_after);
  CHECK(r.watched > 20);
  CHECK(r.watch_unanswered == 0);
  CHECK(r.server_exit == 0);
  CHECK(r.server_end_seconds < 5);
}

} // namespace

TEST_CASE("chaos: a seed decides the faults and their byte positions, for each connection and "
          "direction separately") {
  fault_options o{.seed = 42};
  auto positions = [&](std::uint64_t connection, std::uint64_t direction) {
    std::vector<std::uint64_t> all;
    for (fault_plan plan{o, connection, direction}; all.size() < 100; plan.advance())
      all.push_back(plan.next().at);
    return all;
  };
  auto first = positions(7, 0);
  CHECK(std::is_sorted(first.begin(), first.end()));
  CHECK(positions(7, 0) == first);
  CHECK(positions(7, 1) != first);
  CHECK(positions(8, 0) != first);
  o.seed = 43;
  CHECK(positions(7, 0) != first);
}

TEST_CASE("chaos: 50,000 calls from a C++ client to a C++ server") {
  auto r = run_and_print({.calls = 50'000, .rate = 3000, .faults = {.mean_bytes = 80'000}});
  check_calls(r);
  check_faults(r);
  check_cpp_client(r);
  check_endings(r, {"timeout", "maybe_executed", "not_sent", "no_route", "overloaded"});
  check_server(r);
}

TEST_CASE("chaos: 25,000 calls from a Python client to a C++ server") {
  auto r = run_and_print({.python_client = true, .calls = 25'000, .rate = 1300, .faults = {}});
  check_calls(r);
  check_faults(r);
  // Python patio never ends some calls by itself. The client abandons these calls.
  check_endings(r, {"timeout", "given_up"});
  check_server(r);
}

TEST_CASE("chaos: 25,000 calls from a C++ client to a Python server") {
  auto r = run_and_print({.python_server = true, .calls = 25'000, .rate = 1300, .faults = {}});
  check_calls(r);
  check_faults(r);
  check_cpp_client(r);
  check_endings(r, {"timeout", "maybe_executed", "not_sent", "no_route", "overloaded"});
  check_server(r);
}
