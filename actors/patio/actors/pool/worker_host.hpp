/// The services of a worker to functions that call actors: an actor that can send requests, and the
/// actors that functions run as. A worker owns its host and uses it on its own thread only. When
/// the host dies, the calls that wait are answered with errc::shut_down and the functions' actors
/// end.
#pragma once

#include <functional>
#include <map>
#include <unordered_map>

#include <caf/actor.hpp>
#include <caf/event_based_actor.hpp>

#include <patio/functions/reply.hpp>
#include <patio/value/error.hpp>

namespace patio {

class worker_host {
public:
  explicit worker_host(caf::event_based_actor* self);
  ~worker_host();
  worker_host(const worker_host&) = delete;
  worker_host& operator=(const worker_host&) = delete;

  [[nodiscard]] caf::event_based_actor* self() const noexcept { return self_; }
  /// Returns this worker's actor for a function; `function` is an address that stands for the
  /// function. Spawns the actor at the function's first call, and again after the actor has died.
  [[nodiscard]] caf::actor instance(const void* function,
                                    const std::function<caf::actor()>& spawner);

  /// Registers a call that waits for `target`. The call fails if `target` dies first. Returns a
  /// token for `end_call`.
  [[nodiscard]] std::uint64_t begin_call(const caf::actor& target, reply&& answer);
  /// Answers the call, unless it has ended already.
  void end_call(std::uint64_t token, result<value> r);

  /// True if no call waits.
  [[nodiscard]] bool idle() const noexcept { return waiting_.empty(); }
  /// Sets a callback for each time that the last waiting call has ended.
  void on_idle(std::function<void()> callback) { on_idle_ = std::move(callback); }

  /// The error of a call whose actor has died.
  [[nodiscard]] static error actor_gone(const std::string& reason);
  /// Translates the error that an actor's request ended with into the call's error.
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
