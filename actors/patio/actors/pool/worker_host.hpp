/// The services of a worker for functions that call actors or run as actors: an actor that can send
/// requests, and the functions' own actors. A worker owns its host and uses the host only on the
/// worker's thread. The destructor answers the waiting calls with errc::shut_down and ends the
/// functions' actors.
#pragma once

#include <functional>
#include <map>
#include <unordered_map>

#include <caf/actor.hpp>
#include <caf/event_based_actor.hpp>

#include <patio/base/api.hpp>
#include <patio/functions/reply.hpp>
#include <patio/value/error.hpp>

namespace patio {

class PATIO_API worker_host {
public:
  explicit worker_host(caf::event_based_actor* self);
  ~worker_host();
  worker_host(const worker_host&) = delete;
  worker_host& operator=(const worker_host&) = delete;

  [[nodiscard]] caf::event_based_actor* self() const noexcept { return self_; }
  /// Returns this worker's actor for a function. `function` is an address that identifies the
  /// function. Spawns the actor at the function's first call, and again after the actor has ended.
  [[nodiscard]] caf::actor instance(const void* function,
                                    const std::function<caf::actor()>& spawner);

  /// Registers a call that waits for `target`. The call fails if `target` ends first. Returns a
  /// token for `end_call`.
  [[nodiscard]] std::uint64_t begin_call(const caf::actor& target, reply&& answer);
  /// Answers the call, unless it has ended already.
  void end_call(std::uint64_t token, result<value> r);

  /// True if no call waits.
  [[nodiscard]] bool idle() const noexcept { return waiting_.empty(); }
  /// Sets a callback that runs each time the last waiting call has ended.
  void on_idle(std::function<void()> callback) { on_idle_ = std::move(callback); }

  /// Returns the error for a call whose actor has ended.
  [[nodiscard]] static error actor_gone(const std::string& reason);
  /// Returns the call's error for the error of a request to an actor.
  [[nodiscard]] static error request_failed(const caf::error& reason);

private:
  struct waiting_call {
    reply answer;
    caf::actor_addr target;
  };
  void on_down(const caf::down_msg& down);
  void watch(const caf::actor_addr& target);
  void unwatch(const caf::actor_addr& target);

  caf::event_based_actor* self_;
  std::unordered_map<const void*, caf::actor> instances_;
  std::unordered_map<std::uint64_t, waiting_call> waiting_;
  std::map<caf::actor_addr, std::size_t> watched_; ///< the number of calls that wait for each actor
  std::uint64_t last_token_ = 0;
  std::function<void()> on_idle_;
};

} // namespace patio
