/// The peers that a node dials. The dialler decides when to dial again and at which addresses, and
/// reports the first login. Its owner, one broker actor, connects, waits and logs.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

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
    error why;    ///< names the addresses that were reached, if the target is a host name
  };

  explicit dialler(backoff_options reconnect) : reconnect_{reconnect} {}

  /// Returns the number of the new dial. The owner dials at once. `answer` may be null.
  std::uint64_t add(dial_target target, answer_function answer, std::uint64_t seed);
  /// Returns null for a dial that was given up.
  [[nodiscard]] const dial_target* find(std::uint64_t number) const;

  /// Returns the addresses of the host that are not dialled now, because their login has failed.
  [[nodiscard]] std::vector<std::string> avoided(std::uint64_t number) const;

  /// A connection to this address is open. `has_others` says that the host has further addresses:
  /// if this one's login fails, they are dialled at once, before the failure counts.
  void reached(std::uint64_t number, std::string address, bool has_others);
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
    std::string address = {}; ///< of the open connection
    bool has_others = false;
    std::vector<std::string> avoided = {};
    std::string earlier = {}; ///< what happened at the avoided addresses
  };

  [[nodiscard]] static error with_addresses(dial& d, const error& why);

  backoff_options reconnect_;
  std::map<std::uint64_t, dial> dials_;
  std::uint64_t last_number_ = 0;
};

} // namespace patio
