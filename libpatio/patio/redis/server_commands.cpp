#include <patio/redis/server_commands.hpp>

#include <algorithm>
#include <utility>

#include <patio/redis/waiting_link.hpp>
#include <patio/value/repr.hpp>

namespace patio::redis {
namespace {

/// The keys of one MGET. The reply has to stay below resp_limits::items.
constexpr std::size_t keys_per_command = 500;

// The deletion of the token alone is the claim.
task_claimed end_claim(task_number number, const std::vector<resp>& replies) {
  const auto& life = replies[0];
  const auto& deletion = replies[1];
  if (deletion.kind != resp::type::integer) return {number, false, {}, refusal(deletion)};
  task_claimed claimed{number, deletion.number > 0, {}, {}};
  if (life.kind == resp::type::integer && life.number >= 0)
    claimed.left =
      std::chrono::milliseconds{std::min<std::int64_t>(life.number, 1'000'000'000'000)};
  return claimed;
}

reply_stored end_store(task_number number, const std::vector<resp>& replies) {
  if (replies[0].kind == resp::type::integer) return {number, {}};
  return {number, refusal(replies[0])};
}

} // namespace

server_commands::server_commands(link_number number, std::shared_ptr<const settings> options,
                                 events& out)
    : connection{number, options, 2 * options->limits.probe_interval}, options_{std::move(options)},
      out_{out} {}

void server_commands::claim(task_number number, const std::string& reply_to, instant now) {
  connection.send({"MULTI"}, now);
  connection.send({"PTTL", reply_to}, now);
  connection.send({"DEL", reply_to}, now);
  connection.send({"EXEC"}, now);
  expected_.push_back({.kind = kind::claim, .number = number, .transaction = transaction{2}});
}

void server_commands::store(task_number number, const std::string& key, const std::string& body,
                            std::chrono::nanoseconds life, instant now) {
  connection.send({"MULTI"}, now);
  connection.send({"RPUSH", key, body}, now);
  connection.send({"PEXPIRE", key, milliseconds_text(life)}, now);
  connection.send({"EXEC"}, now);
  expected_.push_back({.kind = kind::store, .number = number, .transaction = transaction{2}});
}

void server_commands::wake(const std::string& key, std::size_t pops, instant now) {
  std::vector<std::string_view> push{"RPUSH", key};
  push.insert(push.end(), pops, "1");
  connection.send({"MULTI"}, now);
  connection.send(push, now);
  connection.send({"PEXPIRE", key, "60000"}, now);
  connection.send({"EXEC"}, now);
  expected_.push_back({.kind = kind::ignored, .transaction = transaction{2}});
}

void server_commands::announce(const std::string& name, instant now) {
  auto life = milliseconds_text(3 * options_->tuning.announce_interval);
  connection.send({"SET", "patio:serving:" + name, "1", "PX", life}, now);
  expected_.push_back({.kind = kind::ignored});
}

void server_commands::ask_for_type(std::uint64_t owner, const std::string& key, instant now) {
  connection.send({"TYPE", key}, now);
  expected_.push_back({.kind = kind::type, .number = owner, .key = key});
}

void server_commands::ask_for_cancellations(std::span<const running_task> tasks, instant now) {
  if (refuses_cancellations_) return;
  for (; !tasks.empty(); tasks = tasks.subspan(std::min(tasks.size(), keys_per_command))) {
    std::vector<std::string> keys;
    expected e{.kind = kind::cancellations};
    for (const auto& t : tasks.first(std::min(tasks.size(), keys_per_command))) {
      keys.push_back(cancellation_key(t.reply_to));
      e.asked.push_back(t.number);
    }
    std::vector<std::string_view> command{"MGET"};
    command.insert(command.end(), keys.begin(), keys.end());
    connection.send(command, now);
    expected_.push_back(std::move(e));
  }
}

result<std::optional<server_reply>> server_commands::receive(resp reply) {
  if (is_login_refusal(reply)) return tl::unexpected(refusal(reply));
  if (expected_.empty())
    return fail(errc::protocol, "the server sends a reply for which there is no command");
  auto& front = expected_.front();
  if (front.kind == kind::cancellations) {
    auto cancelled = end_cancellations(front, reply);
    expected_.pop_front();
    return cancelled;
  }
  if (front.kind == kind::type) {
    auto type = read_key_type(front.number, std::move(front.key), reply);
    expected_.pop_front();
    return type;
  }
  if (front.transaction && !front.transaction->take(std::move(reply))) return std::nullopt;
  auto done = std::move(front);
  expected_.pop_front();
  if (!done.transaction) return std::nullopt;
  auto replies = done.transaction->outcome();
  if (!replies) return tl::unexpected(std::move(replies.error()));
  if (done.kind == kind::claim) return end_claim(done.number, *replies);
  if (done.kind == kind::store) return end_store(done.number, *replies);
  return std::nullopt;
}

// Calls go on without the right to MGET. Only their cancellation does not arrive.
std::optional<server_reply> server_commands::end_cancellations(const expected& e,
                                                               const resp& reply) {
  if (reply.kind != resp::type::array || reply.items.size() != e.asked.size()) {
    if (!std::exchange(refuses_cancellations_, true))
      out_.push_back(
        log_line{"refused", "cancelled calls run on, because the server cannot ask for "
                            "them with MGET: "
                              + text_of(refusal(reply))});
    return {};
  }
  tasks_cancelled cancelled;
  for (std::size_t i = 0; i < e.asked.size(); ++i)
    if (reply.items[i].kind == resp::type::bulk) cancelled.numbers.push_back(e.asked[i]);
  return cancelled;
}

void server_commands::lost() noexcept {
  expected_.clear();
  refuses_cancellations_ = false;
}

} // namespace patio::redis
