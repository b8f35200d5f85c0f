#include <patio/redis/call_table.hpp>

#include <utility>

namespace patio::redis {

call_number call_table::add(call c) {
  auto number = ++last_;
  numbers_.emplace(c.reply_to, number);
  body_bytes_ += c.body.size();
  ++unfinished_;
  auto& added = calls_.emplace(number, std::move(c)).first->second;
  schedule(number, added, added.deadline);
  return number;
}

call* call_table::find(call_number number) {
  auto at = calls_.find(number);
  return at == calls_.end() ? nullptr : &at->second;
}

call* call_table::find(const std::string& reply_to, call_number& number) {
  auto at = numbers_.find(reply_to);
  if (at == numbers_.end()) return nullptr;
  number = at->second;
  return find(number);
}

// An earlier entry of the call stays in the heap, and pop_due() skips it.
void call_table::schedule(call_number number, call& c, instant due) {
  if (c.due != never) deadlines_.settled(1);
  c.due = due;
  deadlines_.push(due, number);
  deadlines_.purge([this](call_number n) { return calls_.contains(n); });
}

std::optional<call_number> call_table::pop_due(instant now) {
  while (auto number = deadlines_.pop_due(now)) {
    auto* c = find(*number);
    if (!c || c->due > now) continue;
    c->due = never;
    return number;
  }
  return {};
}

void call_table::finish(call& c, result<value> outcome) {
  if (std::exchange(c.has_ended, true)) return;
  --unfinished_;
  out_.push_back(call_finished{c.token, std::move(outcome)});
}

std::optional<call_number> call_table::retire(call_number number, call& c, instant due) {
  c.stage = call_stage::late;
  body_bytes_ -= c.body.size();
  std::string{}.swap(c.body);
  schedule(number, c, due);
  late_.push_back(number);
  if (late_.size() <= max_late_) return {};
  auto oldest = late_.front();
  late_.pop_front();
  return oldest;
}

void call_table::erase(call_number number) {
  auto at = calls_.find(number);
  if (at == calls_.end()) return;
  auto& c = at->second;
  if (!c.has_ended) --unfinished_;
  if (c.due != never) deadlines_.settled(1);
  body_bytes_ -= c.body.size();
  numbers_.erase(c.reply_to);
  calls_.erase(at);
}

} // namespace patio::redis
