/// How calls ended, for checks: every wait has an end, so that a hung call is a failed test and not a hung one.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <future>
#include <string>

#include <patio/error.hpp>
#include <patio/python_error.hpp>

namespace patio::tests {

inline constexpr std::chrono::seconds patience{20};

/// The result of a future that must become ready.
template <class R>
R ended(std::future<R>& f) {
  REQUIRE(f.wait_for(patience) == std::future_status::ready);
  return f.get();
}
template <class R>
R ended(std::future<R>&& f) {
  return ended(f);
}

template <class R>
[[nodiscard]] bool is_ready(const std::future<R>& f) {
  return f.wait_for(std::chrono::seconds{0}) == std::future_status::ready;
}

/// How a call failed; a value is a failed test.
template <class R>
error failure(std::future<R> answer) {
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
  return e.exception.kind() == kind::exception ? std::string{e.exception.exception_type()} : std::string{};
}

} // namespace patio::tests
