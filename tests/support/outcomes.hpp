/// How calls ended, for checks. Every wait has a time limit, so a call that hangs fails its test
/// instead of blocking the test run.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <future>
#include <string>

#include <patio/functions/python_error.hpp>
#include <patio/value/error.hpp>

namespace patio::tests {

inline constexpr std::chrono::seconds patience{20};

/// Waits for a future of std or patio, which must become ready, and returns its result.
template <class Future>
auto ended(Future&& f) {
  REQUIRE(f.wait_for(patience) == std::future_status::ready);
  return f.get();
}

template <class Future>
[[nodiscard]] bool is_ready(const Future& f) {
  return f.wait_for(std::chrono::seconds{0}) == std::future_status::ready;
}

/// Returns the error of a call. A call that gives a value fails the test.
template <class Future>
error failure(Future answer) {
  try {
    (void)ended(answer);
  } catch (const call_error& e) {
    return e.why();
  }
  FAIL("the call gave a value");
  return {};
}

/// Returns the full class name of the exception that the function raised; empty if there is none.
[[nodiscard]] inline std::string raised(const error& e) {
  return e.exception.kind() == kind::exception ? std::string{e.exception.exception_type()}
                                               : std::string{};
}

} // namespace patio::tests
