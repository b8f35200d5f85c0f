/// The peers that a node dials. The dialler decides when to dial again, and reports the first
/// login. Its owner, one broker actor, connects, waits and logs.
#pragma once

#include <functional>
#include <map>
#include <optional>

#include <patio/actors/broker/tcp_broker.hpp>
#include <patio/base/backoff.hpp>

namespace patio {

class dialler {
public:
  /// Gets the peer after the first login, or the error after which the dialler gave up. Called
  /// once.
  using answer_function = std::function<void(result<peer_info>)>;

  /// The owner's next step after a failure.
  struct retry {
    std::chrono::nanoseconds wait;
    bool is_news; ///< the first failure since the last success; log it
  };

  explicit dialler(backoff_options reconnect) : reconnect_{reconnect} {}

  /// Returns the number of the new dial. The owner dials at once. `answer` may be null.
  std::uint64_t add(dial_target target, answer_function answer, std::uint64_t seed);
  /// Returns null for a dial that was given up.
  [[nodiscard]] const dial_target* find(std::uint64_t number) const;

  void logged_in(std::uint64_t number, const peer_info& peer);
  /// Call this before failed() for a connection that was logged in. If the connection lasted more
  /// than a second, resets the delay and lets the next failure be logged.
  void lost(std::uint64_t number, std::chrono::nanoseconds logged_in_for);
  /// Handles a failure: dialling, TLS or the login failed, or the connection was lost. Returns
  /// nothing if the dialler gives up this dial, or has given it up before.
  [[nodiscard]] std::optional<retry> failed(std::uint64_t number, const error& why);

  /// Answers every dial that has not logged in with errc::shut_down.
  void shut_down();

private:
  struct dial {
    dial_target target;
    answer_function answer; ///< until the first login or the end
    backoff wait;
    bool reported = false;
  };

  backoff_options reconnect_;
  std::map<std::uint64_t, dial> dials_;
  std::uint64_t last_number_ = 0;
};

} // namespace patio
