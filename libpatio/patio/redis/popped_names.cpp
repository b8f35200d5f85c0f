#include <patio/redis/popped_names.hpp>

#include <algorithm>

namespace patio::redis {

void popped_names::append_to(std::vector<std::string_view>& parts) {
  for (std::size_t i = 0; i < names_.size(); ++i) {
    const auto& name = names_[(first_ + i) % names_.size()];
    if (!left_out_.contains(name)) parts.push_back(name);
  }
  first_ = (first_ + 1) % names_.size();
}

bool popped_names::leave_out(const std::string& name, instant now) {
  constexpr std::chrono::nanoseconds first = std::chrono::seconds{1},
                                     longest = std::chrono::seconds{60};
  auto [at, is_new] = left_out_.try_emplace(name, pause{never, first});
  if (!is_new) at->second.length = std::min(2 * at->second.length, longest);
  at->second.until = after(now, at->second.length);
  return is_new;
}

std::vector<std::string> popped_names::due(instant now) const {
  std::vector<std::string> names;
  for (const auto& [name, p] : left_out_)
    if (p.until <= now) names.push_back(name);
  return names;
}

instant popped_names::next_check() const noexcept {
  auto next = never;
  for (const auto& [name, p] : left_out_) next = std::min(next, p.until);
  return next;
}

} // namespace patio::redis
