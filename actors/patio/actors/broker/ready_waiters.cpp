#include <patio/actors/broker/ready_waiters.hpp>

#include <utility>

#include <patio/actors/caf/error.hpp>

namespace patio {

void ready_waiters::add(bool until_connected, caf::response_promise promise) {
  if (failure_ && !until_connected) promise.deliver(to_caf(*std::exchange(failure_, {})));
  else all_.push_back({std::move(promise), until_connected});
}

void ready_waiters::answer(const result<void>& outcome, bool only_impatient) {
  failure_ = outcome || !all_.empty() ? std::nullopt : std::optional{outcome.error()};
  std::vector<waiter> patient;
  for (auto& w : all_) {
    if (only_impatient && w.until_connected) patient.push_back(std::move(w));
    else if (outcome) w.promise.deliver(caf::unit);
    else w.promise.deliver(to_caf(outcome.error()));
  }
  all_ = std::move(patient);
}

} // namespace patio
