#include <patio/actors/os/host_dial.hpp>

#include <poll.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

namespace patio {

void host_dial::resolved(const result<std::vector<address>>& answer, instant now) {
  if (!answer) return end_in_failure(answer.error().message);
  auto is_avoided = [this](const address& a) {
    return std::ranges::find(request_.avoided, to_string(to_endpoint(a))) != request_.avoided.end();
  };
  std::ranges::copy_if(*answer, std::back_inserter(addresses_), std::not_fn(is_avoided));
  if (addresses_.empty()) addresses_ = *answer;
  std::vector<dial_address> named;
  for (const auto& a : addresses_) named.push_back({family_of(a), to_string(to_endpoint(a))});
  race_.emplace(std::move(named), request_.deadline);
  advance(now);
}

void host_dial::advance(instant now) {
  if (has_ended()) return;
  if (race_) {
    while (auto index = race_->begin_next(now)) begin(*index, now);
    if (race_->is_over(now)) end_in_failure(race_->failures());
  } else if (now >= request_.deadline) {
    end_in_failure("cannot resolve '" + request_.target.host + "': no answer in time");
  }
}

instant host_dial::wake_at() const noexcept { return race_ ? race_->wake_at() : request_.deadline; }

void host_dial::begin(std::size_t index, instant now) {
  auto fd = begin_connect(addresses_[index]);
  if (fd) open_.push_back({index, std::move(*fd)});
  else race_->failed(index, std::move(fd.error().message), now);
}

void host_dial::add_to(std::vector<pollfd>& polled) const {
  for (const auto& attempt : open_) polled.push_back({attempt.fd.get(), POLLOUT, 0});
}

const pollfd* host_dial::check(const pollfd* polled, instant now) {
  const auto* next = polled + open_.size();
  for (auto& attempt : open_)
    if (polled++->revents != 0 && !has_ended()) finish(attempt, now);
  std::erase_if(open_, [](const open_attempt& attempt) { return !attempt.fd; });
  return next;
}

void host_dial::finish(open_attempt& attempt, instant now) {
  auto fd = std::exchange(attempt.fd, unique_fd{});
  auto done = finish_connect(fd.get());
  if (done)
    end(connected_socket{std::move(fd), to_endpoint(addresses_[attempt.index]),
                         race_->remaining() > 1});
  else race_->failed(attempt.index, std::move(done.error().message), now);
}

void host_dial::end(result<connected_socket> outcome) {
  std::exchange(tell_, nullptr)(std::move(outcome));
}

// An error about a numeric host names the address once.
void host_dial::end_in_failure(const std::string& why) {
  auto prefix = to_string(request_.target) + ": ";
  end(fail(errc::connect_failed,
           "cannot connect to " + (why.starts_with(prefix) ? why : prefix + why)));
}

} // namespace patio
