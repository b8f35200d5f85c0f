/// The end of a broker, and a handle that brings it about.
#pragma once

#include <type_traits>
#include <utility>

#include <patio/actors/caf/interfaces.hpp>
#include <patio/base/api.hpp>

namespace PATIO_API patio {

/// Ends a broker and waits until its calls have ended. Do not call this on a thread of the actor
/// system.
void shut_down(const broker_actor& broker);

/// Owns a broker, and shuts it down at the end of the scope, even if an exception leaves the scope:
///   patio::owned_broker node{patio::spawn_tcp_broker(sys, pool)};
/// Converts to the broker's own handle and to broker_actor. Declare it after the actor system: at
/// its own end, the system waits forever for a broker that has an open connection. Can be moved but
/// not copied.
template <class Broker>
class owned_broker {
public:
  explicit owned_broker(Broker broker) : broker_{std::move(broker)} {}
  ~owned_broker() { end(); }
  owned_broker(owned_broker&& other) noexcept : broker_{std::exchange(other.broker_, {})} {}
  owned_broker& operator=(owned_broker&& other) noexcept {
    if (this == &other) return *this;
    end();
    broker_ = std::exchange(other.broker_, {});
    return *this;
  }

  [[nodiscard]] const Broker& get() const& noexcept { return broker_; }
  operator const Broker&() const& noexcept { return broker_; }
  operator broker_actor() const& requires(!std::is_same_v<Broker, broker_actor>) { return broker_; }
  // The handle of a temporary owner would be the handle of a broker that is shut down at once.
  const Broker& get() const&& = delete;
  operator const Broker&() const&& = delete;

private:
  void end() {
    if (auto broker = std::exchange(broker_, {})) shut_down(broker);
  }

  Broker broker_; ///< null after a move
};

} // namespace patio
