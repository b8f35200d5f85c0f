#include <patio/redis/calls.hpp>

#include <algorithm>
#include <utility>

#include <patio/protocol/timeout.hpp>
#include <patio/value/repr.hpp>

namespace patio::redis {
namespace {

/// Returns the limit that a new call exceeds.
std::optional<error> refuse(const call_request& request, const call& c, const call_table& table,
                            const limits& limits) {
  if (c.function.empty() || c.function.size() > limits.name_bytes)
    return error{errc::invalid,
                 "the name of a function has 1 to " + std::to_string(limits.name_bytes) + " bytes",
                 {},
                 limit::name_bytes};
  if (request.args.keywords.size() > limits.keywords_per_call)
    return error{errc::invalid,
                 "the call has " + std::to_string(request.args.keywords.size())
                   + " keyword arguments",
                 {},
                 limit::keywords_per_call};
  if (table.unfinished() >= limits.waiting_calls)
    return error{errc::overloaded,
                 std::to_string(table.unfinished()) + " calls wait for their replies",
                 {},
                 limit::waiting_calls};
  if (table.body_bytes() > 0 && table.body_bytes() + c.body.size() > limits.write_buffer_bytes)
    return error{errc::overloaded,
                 "the tasks that wait for their replies take " + std::to_string(table.body_bytes())
                   + " bytes",
                 {},
                 limit::write_buffer_bytes};
  return {};
}

} // namespace

calls::calls(std::shared_ptr<const settings> options, events& out, link_number first)
    : options_{std::move(options)}, out_{out}, first_{first}, commands_{first, options_, out},
      table_{out, options_->tuning.late_calls}, waiting_{options_, table_, first + 1} {}

call_number calls::add(std::uint64_t token, const call_request& request, instant now) {
  auto end = [&](error why) {
    out_.push_back(call_finished{token, tl::unexpected(std::move(why))});
    return call_number{0};
  };
  auto deadline = deadline_of(request.timeout, now, options_->limits.longest_timeout);
  if (!deadline) return end({errc::invalid, to_string(deadline.error()), {}});
  if (*deadline <= now)
    return end(fail(errc::timeout, remedy::repetition,
                    "no time was left to call " + quoted(request.function))
                 .value());
  call c{.token = token, .function = request.function};
  c.reply_to = options_->project + "." + options_->new_id();
  if (auto ok =
        write_task(request, c.reply_to, c.body, options_->types, options_->limits.frame_bytes);
      !ok)
    return end(std::move(ok.error()));
  if (auto why = refuse(request, c, table_, options_->limits)) return end(std::move(*why));
  c.has_timeout = *deadline != never;
  c.deadline = c.has_timeout ? *deadline : after(now, options_->limits.longest_timeout);
  auto number = table_.add(std::move(c));
  held_.push_back(number);
  if (held_.size() > 2 * table_.size() + 64) // most of these calls have ended unsent
    std::erase_if(held_, [this](call_number n) {
      const auto* held = table_.find(n);
      return !held || held->stage != call_stage::held;
    });
  send_held(now);
  dial(now);
  return number;
}

void calls::send_held(instant now) {
  while (!held_.empty() && commands_.connection.has_room()) {
    auto number = held_.front();
    held_.pop_front();
    auto* c = table_.find(number);
    if (c && c->stage == call_stage::held) send(number, *c, now);
  }
}

void calls::send(call_number number, call& c, instant now) {
  c.stage = call_stage::sent;
  auto& w = waiting_.add(number, c);
  bool wakes = w.needs_wake();
  commands_.send_task(number, c, wakes ? &w.wake_key() : nullptr, now);
  if (wakes) w.set_woken(true);
  waiting_.ask(w, now);
}

void calls::dial(instant now) {
  auto& command = commands_.connection;
  if (command.begin_dial(now)) out_.push_back(dial_link{command.number()});
  waiting_.dial(now, out_);
}

link* calls::find(link_number number) noexcept {
  if (number == first_) return &commands_.connection;
  auto* w = waiting_.find(number);
  return w ? &w->connection : nullptr;
}

void calls::shut_down(const error& why, instant now) {
  std::vector<call_number> all;
  table_.each([&](call_number number, const call&) { all.push_back(number); });
  std::sort(all.begin(), all.end());
  for (auto number : all) {
    auto& c = *table_.find(number);
    table_.finish(c, tl::unexpected(why));
    if (c.stage == call_stage::sent) delete_token(number, c, now);
    // Nobody waits for the proof that a server runs the function.
    bool may_run = c.stage == call_stage::sent || c.stage == call_stage::proving;
    if (may_run && commands_.connection.is_ready()) commands_.cancel(c, now);
    erase(number);
  }
}

void calls::tick(instant now) {
  while (auto number = table_.pop_due(now)) expire(*number, *table_.find(*number), now);
  auto check = [&](link& l) {
    if (now >= l.silent_at())
      end_link(l, {errc::connect_failed, "the server did not answer in time", {}}, now);
  };
  check(commands_.connection);
  waiting_.each([&](waiting_link& w) { check(w.connection); });
  commands_.tick(now);
  dial(now);
}

instant calls::next_deadline() const noexcept {
  const auto& command = commands_.connection;
  auto next = std::min({table_.next_due(), commands_.next_deadline(), waiting_.next_deadline()});
  return std::min(next, command.is_open() ? command.silent_at() : command.dial_at());
}

} // namespace patio::redis
