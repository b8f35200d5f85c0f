// Compares Python patio 0.1.4 with this library under the same faults: one run with a Python client
// and a Python server, one run with both in C++. The calls have no timeouts, which is patio's
// default. Not part of the test run, as it judges nothing:
//
//   PATIO_PYTHON=PYTHON_WITH_PATIO build/release/tests/chaos/chaos_contrast ARGUMENTS
//   ARGUMENTS: [SEED [CALLS [RATE [LOGIN_FAULTS]]]]
//
// Four brokers with six connections begin RATE calls each second. They dial again 50 ms after a
// loss. A call that has not ended 10 s after the last fault counts as never ended. Then each broker
// has 5 s to get one more call answered, which shows whether it has reconnected. LOGIN_FAULTS is
// the share of connections with a fault during the login.
#include <cstdio>
#include <iostream>
#include <random>

#include <patio/actors/caf/system.hpp>
#include <patio/actors/os/signals.hpp>

#include "process.hpp"
#include "run.hpp"

namespace {

using namespace patio::chaos;

std::int64_t values_of(const run_report& r) {
  auto at = r.endings.find("value");
  return at == r.endings.end() ? 0 : at->second;
}

std::uint64_t faults_of(const run_report& r) {
  std::uint64_t sum = 0;
  for (auto n : r.faults) sum += n;
  return sum;
}

void print_row(const run_report& r) {
  auto values = values_of(r), errors = r.options.calls - r.hung - values;
  std::printf("%-31s %7lld %7lld %7lld %11lld %8llu   %s\n", pairing(r.options).c_str(),
              static_cast<long long>(r.options.calls), static_cast<long long>(values),
              static_cast<long long>(errors), static_cast<long long>(r.hung),
              static_cast<unsigned long long>(faults_of(r)), r.probed.c_str());
}

} // namespace

int main(int argc, char** argv) {
  patio::block_signals();
  if (patio::tests::python().empty()) {
    std::cerr << "PATIO_PYTHON must name a Python with patio 0.1.4\n";
    return 2;
  }
  run_options o{.calls = argc > 2 ? std::stoll(argv[2]) : 10'000,
                .rate = argc > 3 ? std::stod(argv[3]) : 1000,
                .careful = false,
                .faults = {.seed = argc > 1 ? std::stoull(argv[1]) : std::random_device{}(),
                           .in_login = argc > 4 ? std::stod(argv[4]) : 0.1},
                .patience = std::chrono::seconds{10}};
  o.python_client = o.python_server = true;
  auto python = run(o);
  print(python);
  o.python_client = o.python_server = false;
  auto cpp = run(o);
  print(cpp);
  std::printf("\nseed %llu\n%-31s %7s %7s %7s %11s %8s   %s\n",
              static_cast<unsigned long long>(o.faults.seed), "", "calls", "value", "error",
              "never ended", "faults", "brokers that reconnected");
  print_row(python);
  print_row(cpp);
  return 0;
}
