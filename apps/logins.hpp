/// What becomes of the peers that a command dials. Shared between the command's thread and the
/// broker's.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <patio/actors/caf/interfaces.hpp>
#include <patio/protocol/endpoint.hpp>

namespace patio::apps {

class logins {
public:
  using time = std::chrono::steady_clock::time_point;

  explicit logins(std::vector<endpoint> targets)
      : targets_{std::move(targets)}, outcomes_(targets_.size()), reported_(targets_.size()) {}

  [[nodiscard]] const std::vector<endpoint>& targets() const noexcept { return targets_; }
  /// The dial of this target has ended, by its login or by an error.
  void settle(std::size_t target, result<peer_info> outcome);
  /// Waits until each dial has ended or a wanted peer has logged in. At the deadline, the dials
  /// that go on end with an error.
  void wait(time deadline, const std::function<bool(const peer_info&)>& is_wanted);

  /// The peers that have logged in.
  [[nodiscard]] std::vector<peer_info> peers();
  /// Returns one line for each peer that has failed, but each line once.
  [[nodiscard]] std::vector<std::string> new_failures();
  /// Returns the error of a command of which no peer has logged in. It names each peer.
  [[nodiscard]] error all_failed();

private:
  void give_up();
  [[nodiscard]] std::string failure_of(std::size_t target) const;

  std::vector<endpoint> targets_;
  std::mutex mutex_; ///< guards what follows
  std::condition_variable changed_;
  std::vector<std::optional<result<peer_info>>> outcomes_; ///< nothing while the dial goes on
  std::vector<bool> reported_;
};

} // namespace patio::apps
