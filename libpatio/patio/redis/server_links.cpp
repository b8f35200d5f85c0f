#include <patio/redis/server.hpp>

#include <algorithm>
#include <utility>

// This file handles bytes, failures and deadlines on the connections of a server.
namespace patio::redis {

link* server::find(link_number number) noexcept {
  if (groups_.empty()) return nullptr;
  if (number == command_.number()) return &command_;
  auto index = number - command_.number() - 1;
  return index < groups_.size() ? &groups_[index].connection : nullptr;
}

void server::dial(instant now) {
  if (groups_.empty()) return;
  if (command_.begin_dial(now)) out_.push_back(dial_link{command_.number()});
  for (auto& g : groups_)
    if (!is_leaving_ && g.connection.begin_dial(now))
      out_.push_back(dial_link{g.connection.number()});
}

void server::receive(link_number number, std::string_view bytes, instant now) {
  auto* l = find(number);
  if (!l) return;
  bool became_ready = false;
  std::vector<resp> replies;
  auto ok = l->receive(bytes, now, replies, became_ready);
  if (became_ready && number == command_.number()) command_ready(now);
  for (auto& reply : replies) {
    if (number == command_.number()) {
      auto handled = command_replied(reply, now);
      if (!handled && ok) ok = std::move(handled);
      if (!ok) break;
      continue;
    }
    auto group = static_cast<std::size_t>(number - command_.number() - 1);
    auto popped = groups_[group].answered(std::move(reply));
    if (popped && *popped) take(group, std::move(**popped), now);
    if (!popped && ok) ok = tl::unexpected(std::move(popped.error()));
  }
  if (!ok) end_link(*l, ok.error(), now);
  pop(now);
  dial(now);
}

void server::command_ready(instant now) {
  out_.push_back(connection_news{});
  std::vector<task_number> unsent;
  for (auto& [number, t] : tasks_)
    if (t.stage != task_stage::running) unsent.push_back(number);
  std::sort(unsent.begin(), unsent.end());
  unsent_.assign(unsent.begin(), unsent.end());
  send_waiting(now);
  announce_at_ = now;
  announce(now);
  if (is_leaving_) wake_all(now);
}

// Ends the BLPOPs under way without closing their connection, because a task that the server has
// just popped would be lost with the connection.
void server::wake_all(instant now) {
  if (!command_.is_ready()) return;
  for (auto& g : groups_) {
    if (g.asked() == 0) continue;
    std::vector<std::string_view> push{"RPUSH", g.wake_key()};
    push.insert(push.end(), g.asked(), "1");
    command_.send({"MULTI"}, now);
    command_.send(push, now);
    command_.send({"PEXPIRE", g.wake_key(), "60000"}, now);
    command_.send({"EXEC"}, now);
    expected_.push_back({0, transaction{2}});
  }
}

void server::end_link(link& l, const error& why, instant now) {
  out_.push_back(redis::end_link{l.number()});
  closed(l.number(), why, now);
}

void server::closed(link_number number, const error& why, instant now) {
  auto* l = find(number);
  if (!l) return;
  bool is_news = l->closed(why, now);
  if (number != command_.number()) {
    groups_[number - command_.number() - 1].lost();
  } else {
    expected_.clear();
    unsent_.clear();
    for (auto& [unused, t] : tasks_) t.is_sent = false;
    if (is_news) out_.push_back(log_line{"disconnected", text_of(why)});
    out_.push_back(connection_news{tl::unexpected(why)});
  }
  dial(now);
}

// The announcements of served names, which C++ callers list. They also show that the connection
// works.
void server::announce(instant now) {
  auto interval = options_->tuning.announce_interval;
  if (interval <= instant::zero() || is_leaving_ || !command_.is_ready() || now < announce_at_)
    return;
  announce_at_ = after(now, interval);
  auto life = milliseconds_text(3 * interval);
  for (const auto& g : groups_)
    for (const auto& name : g.names()) {
      command_.send({"SET", "patio:serving:" + name, "1", "PX", life}, now);
      expected_.push_back({0});
    }
}

void server::tick(instant now) {
  while (auto number = deadlines_.pop_due(now)) expire(*number, now);
  auto check = [&](link& l) {
    if (now >= l.silent_at())
      end_link(l, {errc::connect_failed, "the server did not answer in time", {}}, now);
  };
  check(command_);
  for (auto& g : groups_) check(g.connection);
  announce(now);
  pop(now);
  dial(now);
}

instant server::next_deadline() const noexcept {
  if (groups_.empty()) return never;
  auto next = deadlines_.next();
  auto add = [&](const link& l) {
    next = std::min(next, l.is_open() ? l.silent_at() : l.dial_at());
  };
  add(command_);
  if (command_.is_ready() && options_->tuning.announce_interval > instant::zero() && !is_leaving_)
    next = std::min(next, announce_at_);
  for (const auto& g : groups_)
    if (!is_leaving_ || g.connection.is_open()) add(g.connection);
  return next;
}

} // namespace patio::redis
