#include <patio/actors/pool/supervision.hpp>

#include <algorithm>
#include <sstream>
#include <stdexcept>

namespace patio {

supervision::supervision(std::size_t actors, const restart_policy& policy, std::uint64_t seed)
    : policy_{policy} {
  constexpr auto zero = std::chrono::nanoseconds::zero();
  if (actors == 0) throw std::invalid_argument{"a worker pool needs at least 1 actor, not 0"};
  if (policy.within <= zero || policy.first_delay <= zero || policy.longest_delay <= zero)
    throw std::invalid_argument{
      "within, first_delay and longest_delay of a restart policy must be more than 0 s"};
  backoff_options delays{.first_delay = std::min(policy.first_delay, policy.longest_delay),
                         .longest_delay = policy.longest_delay};
  for (std::size_t i = 0; i < actors; ++i) backoffs_.emplace_back(delays, seed + i);
}

void supervision::ended(std::size_t actor, instant now) {
  if (has_given_up_) return;
  while (!restarts_.empty() && now - restarts_.front() >= policy_.within) restarts_.pop_front();
  if (restarts_.size() >= policy_.max_restarts) {
    has_given_up_ = true;
    due_ = {};
    return;
  }
  restarts_.push_back(now);
  due_.push(after(now, backoffs_[actor].failed()), actor);
}

std::string supervision::reason() const {
  std::ostringstream text;
  text << policy_.max_restarts + 1 << (policy_.max_restarts == 0 ? " actor" : " actors")
       << " ended within " << std::chrono::duration<double>{policy_.within}.count()
       << " s, and the policy allows " << policy_.max_restarts
       << (policy_.max_restarts == 1 ? " restart" : " restarts");
  return text.str();
}

} // namespace patio
