/// The callers of a broker by token, each with its response promise. One broker actor owns the
/// table.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <vector>

#include <caf/actor_cast.hpp>
#include <caf/response_promise.hpp>
#include <caf/send.hpp>

#include <patio/actors/caf/interfaces.hpp>
#include <patio/actors/caf/weak_send.hpp>

namespace patio {

struct waiting_caller {
  caf::response_promise promise;
  decltype(outgoing_call::convert) convert = nullptr;
  std::shared_ptr<reply> direct;
  /// Tells the broker that the caller has given up, while the call is in flight.
  std::unique_ptr<std::stop_callback<std::function<void()>>> on_stop = {};
};

/// Returns the caller of the message that the broker is handling. A promise keeps the broker alive.
/// A caller with a `direct` reply therefore gets no promise.
template <class Broker>
[[nodiscard]] waiting_caller make_caller(Broker* self, outgoing_call& call) {
  if (call.direct) return {{}, nullptr, std::move(call.direct)};
  return {self->make_response_promise(), call.convert, nullptr};
}

/// Tells a broker that a caller has given up its call. Sent from any thread. The message carries
/// the broker's own number for the call.
using cancel_atom = caf::atom_constant<caf::atom("cancel")>;

/// Makes a stop of the token send `cancel_atom` to the broker.
template <class Number>
void watch(waiting_caller& caller, const std::stop_token& stop, caf::actor_addr broker,
           Number number) {
  if (!stop.stop_possible()) return;
  std::function<void()> tell = [broker = std::move(broker), number] {
    send_if_alive(broker, cancel_atom::value, number);
  };
  caller.on_stop =
    std::make_unique<std::stop_callback<std::function<void()>>>(stop, std::move(tell));
}

/// Delivers a call's end to its caller, in the type that the caller asked for.
void deliver(waiting_caller& caller, result<value> r);

class caller_table {
public:
  [[nodiscard]] std::uint64_t add(waiting_caller&& caller) {
    if (free_.empty()) {
      callers_.push_back(std::move(caller));
      return callers_.size() - 1;
    }
    auto token = free_.back();
    free_.pop_back();
    callers_[token] = std::move(caller);
    return token;
  }

  [[nodiscard]] waiting_caller& at(std::uint64_t token) { return callers_[token]; }

  /// Removes a caller. Take each token only once.
  [[nodiscard]] waiting_caller take(std::uint64_t token) {
    free_.push_back(token);
    return std::exchange(callers_[token], {});
  }

private:
  std::vector<waiting_caller> callers_;
  std::vector<std::uint64_t> free_;
};

} // namespace patio
