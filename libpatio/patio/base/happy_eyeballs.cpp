#include <patio/base/happy_eyeballs.hpp>

#include <utility>

namespace patio {
namespace {

constexpr std::size_t max_named = 16; ///< addresses in the text of an error

} // namespace

std::vector<std::size_t> interleaved(const std::vector<dial_address>& addresses) {
  std::vector<std::size_t> first, second, order;
  for (std::size_t i = 0; i < addresses.size(); ++i)
    (addresses[i].family == addresses[0].family ? first : second).push_back(i);
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) order.push_back(first[i]);
    if (i < second.size()) order.push_back(second[i]);
  }
  return order;
}

happy_eyeballs::happy_eyeballs(std::vector<dial_address> addresses, instant deadline)
    : addresses_{std::move(addresses)}, deadline_{deadline} {
  for (auto index : interleaved(addresses_)) attempts_.push_back({index});
}

std::optional<std::size_t> happy_eyeballs::begin_next(instant now) {
  if (!has_next() || now < next_at_ || now >= deadline_) return {};
  next_at_ = after(now, attempt_delay);
  auto& next = attempts_[begun_++];
  next.begun = true;
  return next.index;
}

void happy_eyeballs::failed(std::size_t index, std::string reason, instant now) {
  for (auto& a : attempts_) {
    if (a.index != index || !a.begun || a.failure) continue;
    a.failure = std::move(reason);
    ++failed_;
    next_at_ = now;
  }
}

instant happy_eyeballs::wake_at() const noexcept {
  return has_next() ? std::min(next_at_, deadline_) : deadline_;
}

bool happy_eyeballs::is_over(instant now) const noexcept {
  return failed_ == attempts_.size() || now >= deadline_;
}

std::string happy_eyeballs::outcome_of(const attempt& a) const {
  if (a.failure) return *a.failure;
  return a.begun ? "no answer in time" : "not tried in time";
}

std::string happy_eyeballs::failures() const {
  if (attempts_.empty()) return "the host has no address";
  std::string text;
  for (std::size_t i = 0; i < std::min(attempts_.size(), max_named); ++i) {
    if (i > 0) text += "; ";
    text += addresses_[attempts_[i].index].text + ": " + outcome_of(attempts_[i]);
  }
  if (attempts_.size() > max_named)
    text += "; and " + std::to_string(attempts_.size() - max_named) + " more addresses";
  return text;
}

} // namespace patio
