#include <patio/redis/commands.hpp>

#include <algorithm>
#include <utility>

#include <patio/redis/task.hpp>
#include <patio/redis/waiting_link.hpp>
#include <patio/value/repr.hpp>

namespace patio::redis {
namespace {

constexpr std::string_view announcement = "patio:serving:";

/// The life of a push to a wake list, should the waiting connection be lost before it pops.
constexpr std::string_view wake_ms = "60000";

error refused_call(const std::string& text, bool is_of_task = false) {
  auto said = "the server refused the call: " + quoted(text, 200);
  if (text.starts_with("OOM")) return {errc::overloaded, said, {}};
  if (is_of_task && text.starts_with("WRONGTYPE"))
    return {errc::invalid, "the key with the function's name is not a list of tasks: " + said, {}};
  return {errc::not_sent, said, {}};
}

} // namespace

commands::commands(link_number number, std::shared_ptr<const settings> options, events& out)
    : connection{number, options, 2 * options->limits.probe_interval}, options_{std::move(options)},
      out_{out} {}

void commands::send_task(call_number number, const call& c, const std::string* wake_key,
                         instant now) {
  auto life =
    std::chrono::ceil<std::chrono::seconds>(c.deadline - now) + options_->tuning.token_grace;
  auto seconds = seconds_text(life);
  connection.send({"MULTI"}, now);
  connection.send({"SETEX", c.reply_to, seconds, "1"}, now);
  connection.send({"RPUSH", c.function, c.body}, now);
  if (wake_key) {
    connection.send({"RPUSH", *wake_key, "1"}, now);
    connection.send({"PEXPIRE", *wake_key, wake_ms}, now);
  }
  connection.send({"EXEC"}, now);
  expected_.push_back(
    {.kind = kind::task, .number = number, .transaction = transaction{wake_key ? 4u : 2u}});
}

void commands::delete_token(call_number number, const std::string& reply_to, instant now) {
  connection.send({"DEL", reply_to}, now);
  expected_.push_back({.kind = kind::deletion, .number = number});
}

void commands::cancel(const call& c, instant now) {
  if (refuses_cancellations_) return;
  auto life = milliseconds_text(options_->tuning.cancellation_life);
  connection.send({"SET", cancellation_key(c.reply_to), "1", "PX", life}, now);
  expected_.push_back({.kind = kind::cancellation});
}

void commands::remove_task(const call& c, instant now) {
  if (c.body.empty()) return;
  connection.send({"LREM", c.function, "1", c.body}, now);
  expected_.push_back({.kind = kind::ignored});
}

void commands::wake(const std::string& key, instant now) {
  connection.send({"MULTI"}, now);
  connection.send({"RPUSH", key, "1"}, now);
  connection.send({"PEXPIRE", key, wake_ms}, now);
  connection.send({"EXEC"}, now);
  expected_.push_back({.kind = kind::ignored, .transaction = transaction{2}});
}

void commands::ask_for_type(link_number owner, const std::string& key, instant now) {
  connection.send({"TYPE", key}, now);
  expected_.push_back({.kind = kind::type, .number = owner, .key = key});
}

void commands::ping(std::uint64_t token, instant now) {
  if (!connection.is_ready())
    return out_.push_back(pong{token, fail(errc::not_sent, connection.last_failure())});
  connection.send({"PING"}, now);
  expected_.push_back({.kind = kind::ping, .number = token});
}

void commands::list(std::uint64_t token, instant now) {
  if (!connection.is_ready())
    return out_.push_back(names_listed{token, fail(errc::not_sent, connection.last_failure())});
  scan("0", {.kind = kind::scan, .number = token}, now);
}

void commands::scan(std::string_view cursor, expected e, instant now) {
  connection.send({"SCAN", cursor, "MATCH", "patio:serving:*", "COUNT", "1000"}, now);
  expected_.push_back(std::move(e));
}

result<void> commands::receive(std::vector<resp>& replies, instant now,
                               std::vector<command_reply>& out) {
  for (auto& reply : replies) {
    if (is_login_refusal(reply)) return tl::unexpected(refusal(reply));
    if (expected_.empty())
      return fail(errc::protocol, "the server sends a reply for which there is no command");
    auto& front = expected_.front();
    if (front.transaction && !front.transaction->take(std::move(reply))) continue;
    auto done = std::move(front);
    expected_.pop_front();
    if (auto ok = end(done, reply, now, out); !ok) {
      expected_.push_front(std::move(done)); // lost() reports a task with an unknown fate
      return ok;
    }
  }
  return {};
}

result<void> commands::end(expected& e, resp& reply, instant now, std::vector<command_reply>& out) {
  if (e.transaction) return end_transaction(e, out);
  switch (e.kind) {
  case kind::task: return {};
  case kind::deletion:
    out.emplace_back(
      token_deleted{e.number, reply.kind == resp::type::integer && reply.number > 0});
    return {};
  case kind::type: out.emplace_back(read_key_type(e.number, std::move(e.key), reply)); return {};
  case kind::cancellation: end_cancellation(reply); return {};
  case kind::ping: out_.push_back(pong{e.number, {}}); return {};
  case kind::scan: return end_scan(e, reply, now);
  case kind::ignored: return {};
  }
  return {};
}

void commands::end_cancellation(const resp& reply) {
  if (reply.kind != resp::type::error || std::exchange(refuses_cancellations_, true)) return;
  out_.push_back(log_line{"refused", "cancelled calls run on, because servers cannot be told with "
                                     "SET: "
                                       + text_of(refusal(reply))});
}

// A call is refused only if its token or its task was not stored. If another command was refused, a
// server may run the call, so the deletion of the token has to decide.
result<void> commands::end_transaction(expected& e, std::vector<command_reply>& out) {
  auto replies = e.transaction->outcome();
  if (!replies) return tl::unexpected(std::move(replies.error()));
  if (e.kind != kind::task) return {};
  task_sent sent{e.number, {}, false, 0};
  auto refused = [](const resp& r) { return r.kind == resp::type::error; };
  auto& token = replies->at(0);
  auto& task = replies->at(1);
  auto other = std::find_if(replies->begin() + 2, replies->end(), refused);
  if (refused(token) || refused(task)) {
    sent.refused = refused(token) ? refused_call(token.text) : refused_call(task.text, true);
  } else if (!e.transaction->refused().empty() || other != replies->end()) {
    sent.is_sent = true;
    sent.refused = refused_call(other == replies->end() ? e.transaction->refused() : other->text);
  }
  if (!refused(task)) sent.queue_length = static_cast<std::size_t>(task.number);
  out.emplace_back(std::move(sent));
  return {};
}

result<void> commands::end_scan(expected& e, const resp& last, instant now) {
  if (last.kind == resp::type::error) {
    out_.push_back(names_listed{e.number, tl::unexpected(refusal(last))});
    return {};
  }
  if (last.kind != resp::type::array || last.items.size() != 2)
    return fail(errc::protocol, "the server does not answer SCAN as Redis does");
  for (const auto& key : last.items[1].items)
    if (key.text.starts_with(announcement)) e.names.insert(key.text.substr(announcement.size()));
  if (last.items[0].text != "0" && e.names.size() < options_->limits.names_per_peer) {
    scan(last.items[0].text, std::move(e), now);
    return {};
  }
  out_.push_back(names_listed{e.number, std::vector<std::string>(e.names.begin(), e.names.end())});
  return {};
}

// The newest commands are the ones whose bytes nobody has taken.
lost_commands commands::lost(const error& why) {
  lost_commands all;
  refuses_cancellations_ = false;
  auto untaken = connection.untaken();
  for (; !expected_.empty(); expected_.pop_back()) {
    auto& e = expected_.back();
    bool has_left = untaken < e.missing();
    untaken -= has_left ? untaken : e.missing();
    if (e.kind == kind::task) (has_left ? all.tasks : all.unsent_tasks).push_back(e.number);
    if (e.kind == kind::deletion) all.deletions.push_back(e.number);
    if (e.kind == kind::ping) out_.push_back(pong{e.number, tl::unexpected(why)});
    if (e.kind == kind::scan) out_.push_back(names_listed{e.number, tl::unexpected(why)});
  }
  return all;
}

void commands::tick(instant now) {
  if (!connection.is_ready() || now < probe_at_) return;
  probe_at_ = after(now, options_->limits.probe_interval);
  if (!expected_.empty()) return;
  connection.send({"PING"}, now);
  expected_.push_back({.kind = kind::ignored});
}

instant commands::next_deadline() const noexcept {
  return connection.is_ready() ? probe_at_ : never;
}

} // namespace patio::redis
