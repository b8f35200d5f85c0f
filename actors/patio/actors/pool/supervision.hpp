/// Decides when the actors of a worker_pool are started again after they have ended. Actors are
/// numbers here, and the caller passes the time, so a test needs neither actors nor a clock. Each
/// object belongs to one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include <patio/base/backoff.hpp>
#include <patio/base/time.hpp>

namespace patio {

struct restart_policy {
  /// Restarts of all actors together in any span of `within`. If one more is needed, the pool gives
  /// up. With 0 the pool gives up when the first actor ends.
  std::size_t max_restarts = 10;
  std::chrono::nanoseconds within = std::chrono::seconds{60};
  /// The delay before a restart is random, between half of a bound and the bound. The bound of an
  /// actor doubles with each restart, and returns to the first bound when the actor has answered.
  std::chrono::nanoseconds first_delay = std::chrono::milliseconds{100};
  std::chrono::nanoseconds longest_delay = std::chrono::seconds{30};
};

class supervision {
public:
  /// Throws std::invalid_argument if there are no actors, or if a time of the policy is not more
  /// than 0.
  supervision(std::size_t actors, const restart_policy& policy, std::uint64_t seed);

  /// The actor has ended, or could not be started. Schedules its restart, or gives up.
  void ended(std::size_t actor, instant now);
  /// The actor has answered a message.
  void answered(std::size_t actor) { backoffs_[actor].succeeded(); }
  /// Returns an actor whose restart is due. Returns nothing if there is none.
  [[nodiscard]] std::optional<std::size_t> take_due(instant now) { return due_.pop_due(now); }
  /// Returns the time of the next restart, or `never`.
  [[nodiscard]] instant next() const noexcept { return due_.next(); }

  /// True once more restarts were needed than the policy allows. Then no restart is due any more.
  [[nodiscard]] bool has_given_up() const noexcept { return has_given_up_; }
  /// Returns the reason for giving up, such as "11 actors ended within 60 s, and the policy allows
  /// 10 restarts".
  [[nodiscard]] std::string reason() const;

private:
  restart_policy policy_;
  std::vector<backoff> backoffs_; ///< by actor
  std::deque<instant> restarts_;  ///< when the recent restarts were needed, the oldest first
  deadline_heap<std::size_t> due_;
  bool has_given_up_ = false;
};

} // namespace patio
