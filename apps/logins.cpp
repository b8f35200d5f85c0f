#include "logins.hpp"

#include <algorithm>

namespace patio::apps {

void logins::settle(std::size_t target, result<peer_info> outcome) {
  std::lock_guard lock{mutex_};
  auto& settled = outcomes_[target];
  if (settled) return;
  settled = std::move(outcome);
  changed_.notify_all();
}

void logins::wait(time deadline, const std::function<bool(const peer_info&)>& is_wanted) {
  auto is_enough = [&] {
    auto wanted = [&](const auto& o) { return o && *o && is_wanted(**o); };
    auto ended = [](const auto& o) { return o.has_value(); };
    return std::ranges::any_of(outcomes_, wanted) || std::ranges::all_of(outcomes_, ended);
  };
  std::unique_lock lock{mutex_};
  if (!changed_.wait_until(lock, deadline, is_enough)) give_up();
}

void logins::give_up() {
  for (auto& outcome : outcomes_)
    if (!outcome) outcome = fail(errc::connect_failed, "the login took longer than --timeout");
}

std::vector<peer_info> logins::peers() {
  std::lock_guard lock{mutex_};
  std::vector<peer_info> all;
  for (const auto& outcome : outcomes_)
    if (outcome && *outcome) all.push_back(**outcome);
  return all;
}

std::vector<std::string> logins::new_failures() {
  std::lock_guard lock{mutex_};
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    if (!outcomes_[i] || *outcomes_[i] || reported_[i]) continue;
    reported_[i] = true;
    lines.push_back(failure_of(i));
  }
  return lines;
}

error logins::all_failed() {
  std::lock_guard lock{mutex_};
  auto first = outcomes_.front()->error();
  if (targets_.size() == 1) {
    reported_[0] = true;
    return first;
  }
  auto code = first.code;
  std::string text;
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    if (outcomes_[i]->error().code != code) code = errc::connect_failed;
    reported_[i] = true;
    text += (i == 0 ? "" : "; ") + failure_of(i);
  }
  return {code, "all " + std::to_string(targets_.size()) + " peers failed: " + text, {}};
}

// An error of connecting names the target, most errors of a login do not.
std::string logins::failure_of(std::size_t target) const {
  auto name = to_string(targets_[target]);
  const auto& why = outcomes_[target]->error();
  auto text = why.code == errc::login_refused ? to_string(why) : text_of(why);
  return text.find(name) == std::string::npos ? name + ": " + text : text;
}

} // namespace patio::apps
