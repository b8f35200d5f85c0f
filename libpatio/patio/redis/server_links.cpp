#include <patio/redis/server.hpp>

#include <algorithm>
#include <utility>

// This file handles bytes, failures and deadlines on the connections of a server.
namespace patio::redis {

link* server::find(link_number number) noexcept {
  if (groups_.empty()) return nullptr;
  if (number == commands_.connection.number()) return &commands_.connection;
  auto index = number - commands_.connection.number() - 1;
  return index < groups_.size() ? &groups_[index].connection : nullptr;
}

void server::dial(instant now) {
  if (groups_.empty()) return;
  auto& command = commands_.connection;
  if (command.begin_dial(now)) out_.push_back(dial_link{command.number()});
  for (auto& g : groups_)
    if (!is_leaving_ && g.connection.begin_dial(now))
      out_.push_back(dial_link{g.connection.number()});
}

void server::receive(link_number number, std::string_view bytes, instant now) {
  auto* l = find(number);
  if (!l) return;
  auto command = commands_.connection.number();
  bool became_ready = false;
  std::vector<resp> replies;
  auto ok = l->receive(bytes, now, replies, became_ready);
  if (became_ready && number == command) command_ready(now);
  for (auto& reply : replies) {
    if (number == command) {
      auto done = commands_.receive(std::move(reply));
      if (done && *done) std::visit([&](const auto& r) { handle(r, now); }, **done);
      if (!done && ok) ok = tl::unexpected(std::move(done.error()));
      if (!ok) break;
      continue;
    }
    auto group = static_cast<std::size_t>(number - command - 1);
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
  if (ask_at_ != never) ask_at_ = now;
  if (is_leaving_)
    for (auto& g : groups_) g.end_waits(commands_, now);
}

// Without the right to TYPE, the connection is made anew after a pause, and tries all keys again.
void server::handle(const key_type& answer, instant now) {
  auto& g = groups_[static_cast<std::size_t>(answer.owner)];
  auto line = g.take(answer, commands_, now);
  if (line && *line) out_.push_back(std::move(**line));
  if (line || !g.connection.is_open()) return;
  out_.push_back(log_line{"refused", text_of(line.error())});
  end_link(g.connection, line.error(), now);
}

void server::end_link(link& l, const error& why, instant now) {
  out_.push_back(redis::end_link{l.number()});
  closed(l.number(), why, now);
}

void server::closed(link_number number, const error& why, instant now) {
  auto* l = find(number);
  if (!l) return;
  bool is_news = l->closed(why, now);
  auto command = commands_.connection.number();
  if (number != command) {
    groups_[number - command - 1].lost();
  } else {
    commands_.lost();
    for (auto& g : groups_) g.commands_lost();
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
  if (interval <= instant::zero() || is_leaving_ || !commands_.connection.is_ready()
      || now < announce_at_)
    return;
  announce_at_ = after(now, interval);
  for (const auto& g : groups_)
    for (const auto& name : g.names()) commands_.announce(name, now);
}

// Functions that end soon are not worth a question.
void server::ask_for_cancellations(instant now) {
  if (now < ask_at_ || !commands_.connection.has_room()) return;
  auto interval = options_->tuning.cancellation_interval;
  std::vector<server_commands::running_task> old;
  auto first = never;
  for (const auto& [number, t] : tasks_) {
    if (t.stage != task_stage::running) continue;
    if (now - t.begun >= interval) old.push_back({number, t.task.reply_to});
    else first = std::min(first, after(t.begun, interval));
  }
  ask_at_ = old.empty() ? first : after(now, interval);
  commands_.ask_for_cancellations(old, now);
}

void server::tick(instant now) {
  while (auto number = deadlines_.pop_due(now)) expire(*number, now);
  auto check = [&](link& l) {
    if (now >= l.silent_at())
      end_link(l, {errc::connect_failed, "the server did not answer in time", {}}, now);
  };
  check(commands_.connection);
  for (auto& g : groups_) check(g.connection);
  announce(now);
  ask_for_cancellations(now);
  pop(now);
  dial(now);
}

instant server::next_deadline() const noexcept {
  if (groups_.empty()) return never;
  auto next = deadlines_.next();
  auto add = [&](const link& l) {
    next = std::min(next, l.is_open() ? l.silent_at() : l.dial_at());
  };
  const auto& command = commands_.connection;
  add(command);
  if (command.has_room()) next = std::min(next, ask_at_);
  if (command.is_ready() && options_->tuning.announce_interval > instant::zero() && !is_leaving_)
    next = std::min(next, announce_at_);
  for (const auto& g : groups_) {
    if (!is_leaving_ || g.connection.is_open()) add(g.connection);
    if (!is_leaving_ && command.has_room()) next = std::min(next, g.next_check());
  }
  return next;
}

} // namespace patio::redis
