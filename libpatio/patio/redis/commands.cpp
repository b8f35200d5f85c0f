#include <patio/redis/commands.hpp>

#include <utility>

#include <patio/redis/waiting_link.hpp>
#include <patio/value/repr.hpp>

namespace patio::redis {
namespace {

constexpr std::string_view announcement = "patio:serving:";

/// The life of a push to a wake list, should the waiting connection be lost before it pops.
constexpr std::string_view wake_ms = "60000";

error refused_call(const std::string& text) {
  auto said = "the server refused the call: " + quoted(text, 200);
  if (text.starts_with("OOM")) return {errc::overloaded, said, {}};
  if (text.starts_with("WRONGTYPE"))
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
  expected_.push_back({.kind = kind::task, .number = number, .replies = wake_key ? 6u : 4u});
}

void commands::delete_token(call_number number, const std::string& reply_to, instant now) {
  connection.send({"DEL", reply_to}, now);
  expected_.push_back({.kind = kind::deletion, .number = number});
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
  expected_.push_back({.kind = kind::ignored, .replies = 4});
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
  e.replies = 1;
  expected_.push_back(std::move(e));
}

result<void> commands::receive(std::vector<resp>& replies, instant now,
                               std::vector<command_reply>& out) {
  for (auto& reply : replies) {
    if (is_login_refusal(reply)) return tl::unexpected(refusal(reply));
    auto& front = expected_.front();
    if (front.replies > 1) {
      if (reply.kind == resp::type::error && front.refused.empty()) front.refused = reply.text;
      --front.replies;
      continue;
    }
    auto done = std::move(front);
    expected_.pop_front();
    if (auto ok = end(done, reply, now, out); !ok) return ok;
  }
  return {};
}

result<void> commands::end(expected& e, resp& last, instant now, std::vector<command_reply>& out) {
  switch (e.kind) {
  case kind::task: out.emplace_back(end_task(e, last)); return {};
  case kind::deletion:
    out.emplace_back(token_deleted{e.number, last.kind == resp::type::integer && last.number > 0});
    return {};
  case kind::ping: out_.push_back(pong{e.number, {}}); return {};
  case kind::scan: return end_scan(e, last, now);
  case kind::ignored: return {};
  }
  return {};
}

task_sent commands::end_task(const expected& e, const resp& last) const {
  task_sent sent{e.number, {}, 0};
  if (last.kind != resp::type::array || last.items.size() < 2) {
    bool says_more = last.kind == resp::type::error && e.refused.empty();
    sent.refused = refused_call(says_more ? last.text : e.refused);
    return sent;
  }
  for (const auto& item : last.items)
    if (item.kind == resp::type::error && !sent.refused) sent.refused = refused_call(item.text);
  if (!sent.refused) sent.queue_length = static_cast<std::size_t>(last.items[1].number);
  return sent;
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
  auto untaken = connection.untaken();
  for (; !expected_.empty(); expected_.pop_back()) {
    auto& e = expected_.back();
    bool has_left = untaken < e.replies;
    untaken -= has_left ? untaken : e.replies;
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
