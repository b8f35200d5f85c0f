#include "link.hpp"

namespace patio::simulation {

instant link::arrival(int receiver) {
  auto& last = last_arrival_[static_cast<std::size_t>(receiver)];
  // Later than the last arrival, because tasks that are due at the same moment run in random order.
  last = std::max({last + std::chrono::nanoseconds{1},
                   clock_.now() + delay_ + clock_.duration(delay_), stalled_until_});
  return last;
}

void link::send(int from, std::string_view bytes) {
  if (!open_) return;
  while (!bytes.empty()) {
    auto piece = clock_.chance(0.3) ? std::size_t{1} + clock_.below(bytes.size()) : bytes.size();
    auto receiver = 1 - from;
    in_flight_[static_cast<std::size_t>(receiver)].emplace_back(bytes.substr(0, piece));
    clock_.at(arrival(receiver),
              [self = shared_from_this(), receiver] { self->deliver_next(receiver); });
    bytes.remove_prefix(piece);
  }
}

// Delivers the oldest piece. It may be another piece than the task was scheduled for, because a
// stall can delay an earlier piece past that task.
void link::deliver_next(int receiver) {
  if (told_[static_cast<std::size_t>(receiver)]) return;
  if (stalled_until_ > clock_.now()) { // the stall began while the piece was in flight
    clock_.at(arrival(receiver),
              [self = shared_from_this(), receiver] { self->deliver_next(receiver); });
    return;
  }
  auto& queue = in_flight_[static_cast<std::size_t>(receiver)];
  auto bytes = std::move(queue.front());
  queue.pop_front();
  if (auto& e = ends_[static_cast<std::size_t>(receiver)]; e.on_bytes) e.on_bytes(bytes);
}

void link::tell_closed(int end) {
  if (std::exchange(told_[static_cast<std::size_t>(end)], true)) return;
  if (auto& e = ends_[static_cast<std::size_t>(end)]; e.on_closed) e.on_closed();
}

void link::close(int from) {
  told_[static_cast<std::size_t>(from)] = true;
  open_ = false;
  clock_.at(arrival(1 - from), [self = shared_from_this(), from] { self->tell_closed(1 - from); });
}

void link::half_close(int from) {
  open_ = false;
  clock_.at(arrival(1 - from), [self = shared_from_this(), from] {
    self->tell_closed(1 - from);
    self->clock_.after(self->delay_, [self, from] { self->tell_closed(from); });
  });
}

void link::reset() {
  open_ = false;
  for (int end : {0, 1})
    clock_.after(clock_.duration(delay_),
                 [self = shared_from_this(), end] { self->tell_closed(end); });
}

void link::stall(std::chrono::nanoseconds time) {
  stalled_until_ = std::max(stalled_until_, clock_.now() + time);
  if (time < patience) return;
  clock_.after(patience, [self = shared_from_this()] {
    if (self->open_) self->reset();
  });
}

void link::vanish(int gone) {
  told_[static_cast<std::size_t>(gone)] = true;
  open_ = false;
  clock_.after(patience, [self = shared_from_this(), gone] { self->tell_closed(1 - gone); });
}

} // namespace patio::simulation
