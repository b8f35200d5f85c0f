/// The options of the Redis machines.
#pragma once

#include <functional>
#include <string>

#include <patio/protocol/broker_url.hpp>
#include <patio/protocol/limits.hpp>
#include <patio/redis/resp.hpp>
#include <patio/value/python_types.hpp>

namespace patio::redis {

/// The times and bounds of what a node keeps in Redis.
struct tuning {
  /// The longest wait of one BLPOP. A connection whose BLPOP ends later counts as lost.
  std::chrono::nanoseconds block_time = std::chrono::seconds{30};
  /// The life of a caller's token after its deadline, so that DEL still proves that nobody has
  /// begun the call.
  std::chrono::nanoseconds token_grace = std::chrono::seconds{2};
  /// The longest wait for that proof, after the deadline.
  std::chrono::nanoseconds proof_timeout = std::chrono::seconds{1};
  /// How long a caller takes late replies out of Redis after its call has ended.
  std::chrono::nanoseconds late_replies = std::chrono::seconds{60};
  std::size_t late_calls = 4096; ///< ended calls whose replies may still come
  /// The life of a reply after the deadline of its caller.
  std::chrono::nanoseconds reply_grace = std::chrono::seconds{10};
  /// How often a server asks whether callers have cancelled the tasks that have run for at least
  /// this time. 0 never asks.
  std::chrono::nanoseconds cancellation_interval = std::chrono::seconds{1};
  /// The life of a caller's message that it has cancelled a call that runs.
  std::chrono::nanoseconds cancellation_life = std::chrono::seconds{60};
  /// Connections of a caller that wait for replies.
  std::size_t waiting_connections = 16;
  /// BLPOP commands that one connection of a server may have sent ahead.
  std::size_t pipelined_pops = 64;
  /// Tasks that may wait in the list of one function. A call that makes the list longer is taken
  /// back.
  std::size_t queue_length = 100'000;
  /// The interval of the announcements of served names. 0 announces nothing.
  std::chrono::nanoseconds announce_interval = std::chrono::seconds{10};
};

struct settings {
  broker_url url = {};
  std::uint32_t database = 0;
  std::string project = {};
  patio::limits limits = {};
  python_types types = {};
  redis::tuning tuning = {};
  /// Makes a text that no node has ever made: by default no text, so it must be set.
  std::function<std::string()> new_id = {};
  std::uint64_t seed = 0; ///< of the delays between two attempts to connect
};

/// Sets url and database. Fails with errc::invalid if the URL is not for Redis, if its database is
/// not a number, or if it has a parameter other than `db`.
[[nodiscard]] result<void> set_url(settings& s, broker_url url);

/// Returns the bytes in the form of a UUID, as Python's str(uuid.UUID(bytes=...)) does. `bytes` has
/// 16 bytes.
[[nodiscard]] std::string uuid_text(std::string_view bytes);

[[nodiscard]] resp_limits resp_limits_of(const patio::limits& limits) noexcept;

/// Returns a duration in whole milliseconds or seconds, rounded up, as decimal text.
[[nodiscard]] std::string milliseconds_text(std::chrono::nanoseconds d);
[[nodiscard]] std::string seconds_text(std::chrono::nanoseconds d);

} // namespace patio::redis
