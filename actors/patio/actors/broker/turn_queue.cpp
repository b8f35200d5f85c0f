#include <patio/actors/broker/turn_queue.hpp>

#include <utility>

namespace patio {
namespace {

constexpr std::chrono::microseconds turn{200};
/// A connection counts as alone if no other connection has sent bytes for this long.
constexpr std::chrono::milliseconds alone_after{5};

} // namespace

void turn_queue::heard(connection_id id, instant now) noexcept {
  if (std::exchange(last_heard_, id) != id) shared_until_ = now + alone_after;
}

void turn_queue::defer(job work) {
  jobs_.push_back(std::move(work));
  ask_for_turn();
}

void turn_queue::run_turn() {
  for (auto end = now_() + turn; !jobs_.empty() && now_() < end;) {
    auto next = std::move(jobs_.front());
    jobs_.pop_front();
    next();
  }
  *asked_ = false;
  ask_for_turn();
}

void turn_queue::ask_for_turn() {
  if (jobs_.empty() || *asked_) return;
  ask_(asked_);
  *asked_ = true;
}

} // namespace patio
