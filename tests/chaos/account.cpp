#include "account.hpp"

#include <algorithm>
#include <sstream>

namespace patio::chaos {
namespace {

/// Both times are rounded down, and the client's clock starts a little after the call.
constexpr std::int64_t clock_error_ms = 2;

bool is_refusal(const std::string& ending) {
  return ending == "not_sent" || ending == "no_route" || ending == "overloaded";
}

} // namespace

void account::line(std::string_view text) {
  if (!text.starts_with("e ")) return;
  std::istringstream words{std::string{text.substr(2)}};
  std::size_t id = 0;
  call seen;
  words >> id >> seen.ending >> seen.waited >> seen.allowed;
  if (!words || id >= calls_.size()) return;
  auto& c = calls_[id];
  if (c.endings++ > 0) return;
  ++ended_;
  ++endings_[seen.ending];
  c.ending = seen.ending;
  c.waited = seen.waited;
  c.allowed = seen.allowed;
}

void account::executed(std::string_view digits) {
  for (std::size_t id = 0; id < std::min(digits.size(), calls_.size()); ++id)
    calls_[id].executions = digits[id] - '0';
}

account::sums account::close(std::int64_t grace_ms) const {
  sums s;
  for (const auto& c : calls_) {
    ++s.calls;
    s.ended += c.endings > 0;
    s.open += c.endings == 0;
    s.ended_twice += c.endings > 1;
    s.executed += c.executions > 0;
    s.executed_twice += c.executions > 1;
    s.wrong_values += c.ending == "wrong_value";
    s.values_not_executed += c.ending == "value" && c.executions == 0;
    s.refusals_executed += is_refusal(c.ending) && c.executions > 0;
    s.overdue += c.allowed >= 0 && c.waited > c.allowed + grace_ms;
    s.early += c.ending == "timeout" && c.waited + clock_error_ms < c.allowed;
    s.longest_wait = std::max(s.longest_wait, c.waited);
    if (c.allowed < 0) s.longest_without_limit = std::max(s.longest_without_limit, c.waited);
  }
  return s;
}

} // namespace patio::chaos
