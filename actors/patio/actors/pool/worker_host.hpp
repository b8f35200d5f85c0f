/// What a worker gives the function it runs: an actor that can send requests, and the actors that
/// functions run as. One for each worker, used on the worker's thread only.
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
  /// This worker's actor for a function, made at its first call and again after it has died.
  [[nodiscard]] caf::actor instance(const void* function, const std::function<caf::actor()>& make);

  /// A call now waits for `target`; should that die first, the call ends. Returns a token for
  /// `end`.
  [[nodiscard]] std::uint64_t begin(const caf::actor& target, reply&& to);
  void end(std::uint64_t token, result<value> r);

  [[nodiscard]] bool idle() const noexcept { return waiting_.empty(); }
  /// Called whenever the last call that waited has ended.
  void when_idle(std::function<void()> then) { when_idle_ = std::move(then); }

  /// The error of an actor that died under its call.
  [[nodiscard]] static error gone(const std::string& why);
  /// What the function's caller is told of an actor's error; CAF's own word for a receiver that
  /// died is `gone`.
  [[nodiscard]] static error failure(const caf::error& why);

private:
  struct waiting_call {
    reply to;
    caf::actor_addr target;
  };
  void on_down(const caf::down_msg& down);
  void watch(const caf::actor_addr& target);
  void unwatch(const caf::actor_addr& target);

  caf::event_based_actor* self_;
  std::unordered_map<const void*, caf::actor> instances_;
  std::unordered_map<std::uint64_t, waiting_call> waiting_;
  std::map<caf::actor_addr, std::size_t> watched_; ///< how many calls wait for each
  std::uint64_t last_token_ = 0;
  std::function<void()> when_idle_;
};

} // namespace patio
