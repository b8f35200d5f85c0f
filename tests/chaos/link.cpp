#include "link.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace patio::chaos {
namespace {

// Python patio's server leaves its side open when the other side has closed. After this time the
// proxy ends such a connection.
constexpr auto linger_time = std::chrono::milliseconds{500};
constexpr std::size_t read_size = 16'384;

/// ENOTCONN means that the dialled end is still connecting.
bool would_block() { return errno == EAGAIN || errno == EINTR || errno == ENOTCONN; }

} // namespace

proxy::link::link(unique_fd client, unique_fd server, const fault_options& options,
                  std::uint64_t number, fault_observer on_fault)
    : ends_{std::move(client), std::move(server)}, flows_{flow{fault_plan{options, number, 0}, 0},
                                                          flow{fault_plan{options, number, 1}, 1}},
      on_fault_{std::move(on_fault)} {
  for (auto& e : ends_) tune(e.get(), limits{});
}

void proxy::link::prepare(std::vector<pollfd>& fds, clock::time_point& wake_at) const {
  wake_at = std::min(wake_at, ends_at_);
  auto now = clock::now();
  std::array<short, 2> wanted{};
  for (const auto& f : flows_) {
    if (f.resumes > now) wake_at = std::min(wake_at, f.resumes);
    else if (!f.buffer.empty()) wanted[1 - f.from] |= POLLOUT;
    else if (wants_to_read(f)) wanted[f.from] |= POLLIN;
  }
  // Skips a socket from which nothing is wanted: poll() would report its hang-up again and again.
  for (std::size_t i : {0u, 1u})
    if (wanted[i] != 0) fds.push_back({ends_[i].get(), wanted[i], 0});
}

bool proxy::link::step(clock::time_point now, bool without_faults) {
  if (now >= ends_at_) {
    if (ends_by_reset_) reset();
    return false;
  }
  for (auto& f : flows_) {
    if (over_) return false;
    if (now >= f.resumes) pump(f, now, without_faults);
  }
  bool all_ended =
    std::all_of(flows_.begin(), flows_.end(), [](const flow& f) { return f.ended && f.shut; });
  return !over_ && !all_ended;
}

void proxy::link::pump(flow& f, clock::time_point now, bool without_faults) {
  if (wants_to_read(f)) read(f);
  if (over_) return;
  if (f.dropping) return f.buffer.clear();
  if (!f.shut) write(f, without_faults);
  if (over_) return;
  if (!without_faults && !f.shut && f.forwarded == f.plan.next().at) return inject(f, now);
  if (f.ended && f.buffer.empty() && !f.shut) {
    shut(f);
    end_at(now + linger_time, false);
  }
}

void proxy::link::read(flow& f) {
  f.buffer.resize(read_size);
  auto n = ::recv(ends_[f.from].get(), f.buffer.data(), f.buffer.size(), MSG_DONTWAIT);
  f.buffer.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  if (n == 0) f.ended = true;
  else if (n < 0 && !would_block()) reset(); // one side's reset reaches the other, as in a network
}

// Writes at most up to the next fault, so that the fault comes at its exact byte.
void proxy::link::write(flow& f, bool without_faults) {
  auto size = f.buffer.size();
  if (!without_faults)
    size = static_cast<std::size_t>(std::min<std::uint64_t>(size, f.plan.next().at - f.forwarded));
  if (!without_faults && f.forwarded < f.dribble_until)
    size = std::min(size, f.plan.piece(f.largest_piece));
  if (size == 0) return;
  auto n = ::send(ends_[1 - f.from].get(), f.buffer.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n < 0) {
    if (!would_block()) reset();
    return;
  }
  f.forwarded += static_cast<std::uint64_t>(n);
  f.buffer.erase(0, static_cast<std::size_t>(n));
}

void proxy::link::shut(flow& f) {
  (void)::shutdown(ends_[1 - f.from].get(), SHUT_WR);
  f.shut = true;
}

void proxy::link::inject(flow& f, clock::time_point now) {
  auto next = f.plan.next();
  f.plan.advance();
  on_fault_(next.kind, next.at);
  switch (next.kind) {
  case fault::cut: return cut(now);
  case fault::reset: return reset();
  case fault::stall:
    f.resumes = now + next.pause;
    if (next.both_ways) flows_[1 - f.from].resumes = f.resumes;
    if (next.then_reset) end_at(f.resumes, true);
    return;
  case fault::dribble:
    f.dribble_until = f.forwarded + next.dribbled;
    f.largest_piece = next.largest_piece;
    return;
  case fault::half_close: // the sender is not told; its bytes are no longer forwarded
    f.buffer.clear();
    shut(f);
    return end_at(now + next.pause, next.then_reset);
  }
}

// A close with unread bytes would send a RST. The bytes are read and dropped until both sides have
// closed.
void proxy::link::cut(clock::time_point now) {
  for (auto& f : flows_) {
    f.buffer.clear();
    f.dropping = true;
    f.resumes = {};
    if (!f.shut) shut(f);
  }
  end_at(now + linger_time, false);
}

void proxy::link::end_at(clock::time_point when, bool by_reset) {
  if (when >= ends_at_) return;
  ends_at_ = when;
  ends_by_reset_ = by_reset;
}

void proxy::link::reset() {
  linger hard{1, 0};
  for (auto& e : ends_) {
    (void)::setsockopt(e.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    e = {};
  }
  over_ = true;
}

} // namespace patio::chaos
