#include <patio/redis/server.hpp>

#include <algorithm>
#include <utility>

#include <patio/redis/waiting_link.hpp>
#include <patio/value/repr.hpp>

namespace patio::redis {
namespace {

std::shared_ptr<const void> reserve(const std::shared_ptr<std::atomic<std::size_t>>& held,
                                    std::size_t bytes) {
  *held += bytes;
  auto release = [held, bytes](const void*) { *held -= bytes; };
  return {static_cast<const void*>(nullptr), std::move(release)};
}

encoded_reply encode(const settings& options, const result<value>& outcome) {
  return write_reply(outcome, options.types, options.limits.frame_bytes);
}

std::optional<error> reason_to_refuse(const redis::task& task, std::size_t bytes, std::size_t held,
                                      const patio::limits& limits) {
  if (task.args.keywords.size() > limits.keywords_per_call)
    return error{errc::undecodable,
                 "more than " + std::to_string(limits.keywords_per_call) + " keyword arguments",
                 {},
                 limit::keywords_per_call};
  if (held > 0 && held + bytes > limits.inbound_bytes)
    return error{errc::overloaded,
                 "overloaded: the arguments of all calls take " + std::to_string(held) + " bytes",
                 {},
                 limit::inbound_bytes};
  return {};
}

/// The time until nobody waits for a reply any more.
std::chrono::nanoseconds wait_for_reply(const settings& options, instant deadline, instant now) {
  auto left =
    deadline == never ? options.limits.longest_timeout : std::max(deadline - now, instant::zero());
  return left + options.tuning.reply_grace;
}

} // namespace

server::server(std::shared_ptr<const settings> options, events& out, registry functions,
               std::vector<serving_group> groups, link_number first)
    : options_{std::move(options)}, out_{out}, functions_{std::move(functions)}, commands_{first,
                                                                                           options_,
                                                                                           out} {
  for (auto& g : groups)
    if (!g.names.empty() && g.workers > 0)
      groups_.emplace_back(first + 1 + groups_.size(), options_, std::move(g.names), g.workers);
}

// A task is popped only while its claim can follow at once.
void server::pop(instant now) {
  if (is_leaving_ || !commands_.connection.has_room() || !unsent_.empty()) return;
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    groups_[i].ask_for_types(commands_, i, now);
    groups_[i].ask(now);
  }
}

void server::take(std::size_t group, popped_task popped, instant now) {
  auto drop = [&](const std::string& why) {
    ++dropped_;
    out_.push_back(log_line{"dropped", "a task of " + quoted(popped.list) + ": " + why});
  };
  if (popped.body.skipped_bytes > 0)
    return drop("it has " + std::to_string(popped.body.skipped_bytes)
                + " bytes, and frame_bytes is " + std::to_string(options_->limits.frame_bytes));
  running_task t{.list = std::move(popped.list), .bytes = popped.body.text.size(), .group = group};
  auto read = read_task(popped.body.text, options_->limits.pickle, options_->types);
  if (read) {
    t.task = std::move(*read);
    t.refused = reason_to_refuse(t.task, t.bytes, *held_, options_->limits);
    if (t.refused) t.task.args = {};
  } else if (read.error().reply_to.empty()) {
    popped.list = t.list;
    return drop(text_of(read.error().why));
  } else {
    t.task.reply_to = std::move(read.error().reply_to);
    t.refused = std::move(read.error().why);
    out_.push_back(
      log_line{"refused", "a task of " + quoted(t.list) + ": " + to_string(*t.refused)});
  }
  if (!is_token(t.task.reply_to)) {
    popped.list = t.list;
    return drop("its 'reply_to' is " + quoted(t.task.reply_to, 200) + ", not PROJECT.UUID");
  }
  groups_[group].begin();
  auto number = ++last_;
  send(number, tasks_.emplace(number, std::move(t)).first->second, now);
}

// Sends the claim or the reply of a task. If the connection is lost, both are sent again: a claim
// that has succeeded unseen leaves no token, so the task is dropped, and the caller takes one of
// two equal replies.
void server::send(task_number number, running_task& t, instant now) {
  if (!commands_.connection.is_ready() || t.is_sent) return;
  if (commands_.connection.has_room() && unsent_.empty()) write(number, t, now);
  else unsent_.push_back(number);
}

void server::send_waiting(instant now) {
  while (!unsent_.empty() && commands_.connection.has_room()) {
    auto at = tasks_.find(unsent_.front());
    unsent_.pop_front();
    if (at != tasks_.end() && !at->second.is_sent) write(at->first, at->second, now);
  }
  pop(now);
}

void server::write(task_number number, running_task& t, instant now) {
  t.is_sent = true;
  if (t.stage == task_stage::claiming) return commands_.claim(number, t.task.reply_to, now);
  commands_.store(number, t.task.reply_to + (t.reply.is_error ? ":error" : ":result"), t.reply.body,
                  wait_for_reply(*options_, t.deadline, now), now);
}

void server::handle(const reply_stored& reply, instant) {
  auto at = tasks_.find(reply.number);
  if (at == tasks_.end()) return;
  if (reply.refused)
    out_.push_back(log_line{"dropped", "the reply of " + quoted(at->second.list) + ": "
                                         + text_of(*reply.refused)});
  erase(reply.number);
}

void server::handle(const task_claimed& reply, instant now) {
  auto at = tasks_.find(reply.number);
  if (at == tasks_.end()) return;
  auto& t = at->second;
  t.is_sent = false;
  if (!reply.is_claimed) { // given up by the caller
    if (reply.refused)
      out_.push_back(
        log_line{"dropped", "a task of " + quoted(t.list) + ": " + text_of(*reply.refused)});
    groups_[t.group].end();
    return erase(reply.number);
  }
  if (reply.left) t.deadline = after(now, *reply.left);
  t.stage = task_stage::running;
  run(reply.number, t, now);
}

void server::run(task_number number, running_task& t, instant now) {
  if (t.refused) return finish(number, t, encode(*options_, tl::unexpected(*t.refused)), now);
  // Who may write to the list of one function may call that function only.
  const auto* entry = t.task.method == t.list ? functions_.find(t.task.method) : nullptr;
  if (!entry) {
    auto why = remote_error(value::exception("builtins.KeyError", {t.task.method}));
    out_.push_back(log_line{"refused", "a task of " + quoted(t.list) + " names the method "
                                         + quoted(t.task.method)});
    return finish(number, t, encode(*options_, tl::unexpected(std::move(why))), now);
  }
  if (const auto* quick = quick_run(*entry, t.task.args))
    return finish(number, t, encode(*options_, (*quick)(std::move(t.task.args))), now);
  t.own_deadline = entry->policy.bounded(t.deadline, now);
  if (t.own_deadline != never) deadlines_.push(t.own_deadline, number);
  t.begun = now;
  auto age = options_->tuning.cancellation_interval;
  if (ask_at_ == never && age > instant::zero()) ask_at_ = after(now, age);
  auto weight =
    std::min<std::uint64_t>(weight_of(t.task.args), options_->limits.pickle.memory_bytes);
  out_.push_back(execute_task{number, entry, std::move(t.task.args), t.own_deadline,
                              t.stop.get_token(),
                              reserve(held_, static_cast<std::size_t>(weight))});
}

void server::answer(task_number number, encoded_reply reply, instant now) {
  auto at = tasks_.find(number);
  if (at == tasks_.end() || at->second.stage != task_stage::running) return;
  finish(number, at->second, std::move(reply), now);
  pop(now);
}

void server::finish(task_number number, running_task& t, encoded_reply reply, instant now) {
  groups_[t.group].end();
  t.stage = task_stage::answering;
  t.reply = std::move(reply);
  if (t.own_deadline != never) deadlines_.settled(1);
  t.own_deadline = after(now, wait_for_reply(*options_, t.deadline, now));
  deadlines_.push(t.own_deadline, number);
  send(number, t, now);
}

void server::erase(task_number number) {
  auto at = tasks_.find(number);
  if (at == tasks_.end()) return;
  at->second.stop.request_stop();
  if (at->second.own_deadline != never) deadlines_.settled(1);
  tasks_.erase(at);
  deadlines_.purge([this](task_number n) { return tasks_.contains(n); });
}

// The pool replaces the worker of a function that runs on, so the worker counts as free.
void server::expire(task_number number, instant now) {
  auto at = tasks_.find(number);
  if (at == tasks_.end()) return;
  auto& t = at->second;
  if (t.stage == task_stage::answering && t.own_deadline <= now) {
    out_.push_back(
      log_line{"dropped", "the reply of " + quoted(t.list) + ": it could not be stored in time"});
    return erase(number);
  }
  if (t.stage != task_stage::running) return;
  t.stop.request_stop();
  error late{errc::timeout, "the time of " + quoted(t.list) + " is over", {}};
  finish(number, t, encode(*options_, tl::unexpected(std::move(late))), now);
}

// As after a deadline, the worker counts as free. Nobody waits for a reply.
void server::handle(const tasks_cancelled& reply, instant now) {
  for (auto number : reply.numbers) {
    auto at = tasks_.find(number);
    if (at == tasks_.end() || at->second.stage != task_stage::running) continue;
    groups_[at->second.group].end();
    erase(number);
  }
  pop(now);
}

void server::go_away(instant now) {
  if (std::exchange(is_leaving_, true)) return;
  for (auto& g : groups_) g.end_waits(commands_, now);
}

bool server::is_drained() const noexcept {
  auto waits = [](const popping_link& g) { return g.asked() > 0; };
  return tasks_.empty() && std::none_of(groups_.begin(), groups_.end(), waits);
}

} // namespace patio::redis
