/// How calls have ended at a node of a redis_world.
#pragma once

#include <doctest/doctest.h>

#include "redis/redis_world.hpp"

inline patio::error error_of(redis_participant& p, std::uint64_t token) {
  auto at = p.ended.find(token);
  REQUIRE_MESSAGE(at != p.ended.end(), "the call has not ended");
  REQUIRE_FALSE(at->second);
  return at->second.error();
}

inline patio::value value_of(redis_participant& p, std::uint64_t token) {
  auto at = p.ended.find(token);
  REQUIRE_MESSAGE(at != p.ended.end(), "the call has not ended");
  REQUIRE_MESSAGE(at->second, to_string(at->second.error()));
  return *at->second;
}
