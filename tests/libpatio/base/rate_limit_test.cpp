#include <patio/base/rate_limit.hpp>

#include <doctest/doctest.h>

using namespace std::chrono_literals;

TEST_CASE("rate_limit: each key has its own count, which restarts after a second") {
  patio::rate_limit limit{2};
  CHECK(limit.allow("a", 0s));
  CHECK(limit.allow("a", 500ms));
  CHECK_FALSE(limit.allow("a", 999ms));
  CHECK(limit.allow("b", 999ms));
  CHECK(limit.allow("a", 1s));
  CHECK(limit.take_refused() == 1);
  CHECK(limit.take_refused() == 0);
}
