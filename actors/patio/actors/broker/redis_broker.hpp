/// A node as a peer of Python's patio-redis, as one broker actor. Callers and servers of functions
/// meet in a Redis database and need not know each other. The broker runs on CAF's I/O thread. Shut
/// the broker down before its actor system ends, because the system waits forever for a broker that
/// has an open connection; see owned_broker.
#pragma once

#include <future>
#include <optional>

#include <caf/actor_system.hpp>

#include <patio/actors/caf/interfaces.hpp>
#include <patio/actors/pool/executors.hpp>
#include <patio/base/api.hpp>
#include <patio/base/secret.hpp>
#include <patio/redis/settings.hpp>

namespace PATIO_API patio {

struct redis_options {
  /// redis://USER:PASSWORD@HOST:PORT/DATABASE, or rediss:// for TLS. All parts but the host may be
  /// missing. Read a password from a file or from the environment.
  secret url = {};
  /// TLS for a rediss URL, in place of the system's authorities.
  std::optional<tls_options> tls = {};
  patio::limits limits = {};
  /// Python classes in addition to the built-in types. All peers must know these classes.
  python_types types = {};
  redis::tuning tuning = {};
};

/// Throws std::invalid_argument for a URL, limits or TLS options that are wrong, and if
/// executors::check fails. The broker connects in the background, and again whenever a connection
/// is lost.
[[nodiscard]] engine_broker_actor
spawn_redis_broker(caf::actor_system& sys, const executors& run_in, redis_options options);

/// Returns a future that is ready once the broker is logged in to its server, or the next attempt
/// has failed. The broker goes on in both cases.
[[nodiscard]] std::future<result<void>> connected(const engine_broker_actor& broker);

} // namespace patio
