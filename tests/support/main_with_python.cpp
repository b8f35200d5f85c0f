// The main function of tests that need a Python peer. Without Python patio the tests are skipped:
// the exit code is 77, which CTest reports as a skipped test.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <patio/actors/caf/system.hpp>
#include <patio/actors/os/signals.hpp>

#include <cstdio>
#include <cstring>

#include "process.hpp"

namespace {

int test_cases = 0;

/// Counts the test cases that run. A filter that matches nothing, for example after a file was
/// renamed, must not look like success.
struct case_counter final : doctest::IReporter {
  explicit case_counter(const doctest::ContextOptions&) {}
  void report_query(const doctest::QueryData&) override { test_cases = 1; }
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats&) override {}
  void test_case_start(const doctest::TestCaseData&) override { ++test_cases; }
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_end(const doctest::CurrentTestCaseStats&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}
};
REGISTER_LISTENER("case counter", 1, case_counter);

} // namespace

int main(int argc, char** argv) {
  // Programs with actors do the same. Without this call, SIGPIPE could end the test when a peer
  // dies.
  patio::block_signals();
  bool needs_python = true;
  for (int i = 1; i < argc; ++i)
    if (std::strcmp(argv[i], "--without-python") == 0) needs_python = false;
  if (needs_python && patio::tests::python().empty()) {
    std::puts("skipped: no Python with patio (sh tests/run.sh makes one)");
    return 77;
  }
  auto failed = doctest::Context{argc, argv}.run();
  if (test_cases == 0) std::puts("no test case was run");
  return test_cases == 0 ? 1 : failed;
}
