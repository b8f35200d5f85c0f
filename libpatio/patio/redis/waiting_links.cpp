#include <patio/redis/waiting_links.hpp>

#include <algorithm>

namespace patio::redis {

// A link without calls needs no wake-up. A further link is cheaper than a longer BLPOP.
waiting_link& waiting_links::add(call_number number, call& c) {
  auto fewer = [](const waiting_link& a, const waiting_link& b) { return a.size() < b.size(); };
  auto best = std::min_element(links_.begin(), links_.end(), fewer);
  bool is_full = links_.size() >= options_->tuning.waiting_connections;
  if (best == links_.end() || (best->size() > 0 && !is_full)) {
    links_.emplace_back(first_ + links_.size(), options_);
    best = links_.end() - 1;
  }
  c.waiting_link = static_cast<std::size_t>(best - links_.begin());
  best->add(number);
  return *best;
}

void waiting_links::remove(call_number number, const call& c) {
  if (c.waiting_link < links_.size()) links_[c.waiting_link].remove(number);
}

waiting_link* waiting_links::find(link_number number) noexcept {
  auto index = number - first_;
  return number >= first_ && index < links_.size() ? &links_[index] : nullptr;
}

void waiting_links::ask(waiting_link& w, instant now) {
  w.ask(now, [this](call_number n) -> const std::string& { return table_.find(n)->reply_to; });
}

void waiting_links::ask_for_types(waiting_link& w, redis::commands& commands, instant now) {
  if (!w.is_in_doubt() || !commands.connection.is_ready()) return;
  auto ask = [&](const std::string& key) {
    commands.ask_for_type(w.connection.number(), key, now);
  };
  ask(w.wake_key());
  for (auto number : w.calls()) {
    const auto& reply_to = table_.find(number)->reply_to;
    ask(reply_to + ":result");
    ask(reply_to + ":error");
  }
  w.begin_check(1 + 2 * w.size());
}

void waiting_links::dial(instant now, events& out) {
  for (auto& w : links_)
    if (w.size() > 0 && w.connection.begin_dial(now))
      out.push_back(dial_link{w.connection.number()});
}

instant waiting_links::next_deadline() const noexcept {
  auto next = never;
  for (const auto& w : links_) {
    if (w.connection.is_open()) next = std::min(next, w.connection.silent_at());
    else if (w.size() > 0) next = std::min(next, w.connection.dial_at());
  }
  return next;
}

} // namespace patio::redis
