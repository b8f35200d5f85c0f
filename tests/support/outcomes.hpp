/// How calls ended, for checks: every wait has an end, so that a hung call is a failed test and not
/// a hung one.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <future>
#include <string>

#include <patio/functions/python_error.hpp>
#include <patio/value/error.hpp>

namespace patio::tests {

inline constexpr std::chrono::seconds patience{20};

/// The result of a future, std's or patio's, that must become ready.
template <class Future>
auto ended(Future&& f) {
  REQUIRE(f.wait_for(patience) == std::future_status::ready);
  return f.get();
}

template <class Future>
[[nodiscard]] bool is_ready(const Future& f) {
  return f.wait_for(std::chrono::seconds{0}) == std::future_status::ready;
}

/// How a call failed; a value is a failed test.
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

/// The full class name of what the function raised; empty if it raised nothing.
[[nodiscard]] inline std::string raised(const error& e) {
  return e.exception.kind() == kind::exception ? std::string{e.exception.exception_type()}
                                               : std::string{};
}

} // namespace patio::tests
