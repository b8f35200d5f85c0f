#include <patio/redis/popping_link.hpp>

#include <utility>

#include <patio/redis/waiting_link.hpp>
#include <patio/value/repr.hpp>

namespace patio::redis {
namespace {

/// The server ends a BLPOP in time, and a little later if it is busy.
constexpr std::chrono::seconds slack{10};

} // namespace

popping_link::popping_link(link_number number, std::shared_ptr<const settings> options,
                           std::vector<std::string> names, std::size_t workers)
    : connection{number, options, options->tuning.block_time + slack}, options_{std::move(options)},
      names_{std::move(names)}, wake_key_{options_->project + "." + options_->new_id() + ":wake"},
      workers_{workers} {}

// The wake list comes first, so that a BLPOP that is not wanted any more pops no task.
void popping_link::ask(instant now) {
  auto timeout = seconds_text(options_->tuning.block_time);
  if (is_in_doubt_ || !names_.has_lists()) return;
  while (connection.is_ready() && busy_ + asked_ < workers_
         && asked_ < options_->tuning.pipelined_pops) {
    std::vector<std::string_view> parts{"BLPOP", wake_key_};
    names_.append_to(parts);
    parts.push_back(timeout);
    connection.send(parts, now);
    ++asked_;
  }
}

void popping_link::end_waits(server_commands& commands, instant now) {
  if (asked_ > 0 && commands.connection.is_ready()) commands.wake(wake_key_, asked_, now);
}

result<std::optional<popped_task>> popping_link::answered(resp reply) {
  --asked_;
  if (is_wrong_type(reply)) is_in_doubt_ = true;
  if (is_wrong_type(reply) || reply.kind == resp::type::null) return std::nullopt;
  if (reply.kind != resp::type::array || reply.items.size() != 2
      || reply.items[0].kind != resp::type::bulk || reply.items[1].kind != resp::type::bulk)
    return tl::unexpected(refusal(reply));
  if (reply.items[0].text == wake_key_) return std::nullopt;
  return popped_task{std::move(reply.items[0].text), std::move(reply.items[1])};
}

void popping_link::ask_for_types(server_commands& commands, std::uint64_t owner, instant now) {
  if (missing_types_ > 0 || !connection.is_ready() || !commands.connection.is_ready()) return;
  auto keys = is_in_doubt_ ? names_.all() : names_.due(now);
  if (is_in_doubt_) keys.push_back(wake_key_);
  for (const auto& key : keys) commands.ask_for_type(owner, key, now);
  missing_types_ = keys.size();
}

instant popping_link::next_check() const noexcept {
  return missing_types_ == 0 && connection.is_ready() ? names_.next_check() : never;
}

result<std::optional<log_line>> popping_link::take(const key_type& answer,
                                                   server_commands& commands, instant now) {
  if (--missing_types_ == 0) is_in_doubt_ = false;
  if (answer.refused) return tl::unexpected(*answer.refused);
  const auto& name = answer.key;
  if (name == wake_key_) {
    if (!answer.may_be_list()) wake_key_ = options_->project + "." + options_->new_id() + ":wake";
    return std::nullopt;
  }
  if (answer.may_be_list()) {
    if (!names_.take_back(name)) return std::nullopt;
    end_waits(commands, now); // the next BLPOPs name the list
    return log_line{"mended", "the function " + quoted(name) + " is served again"};
  }
  if (!names_.leave_out(name, now)) return std::nullopt;
  return log_line{"refused", "the function " + quoted(name)
                               + " is not served, because its key is a " + answer.type
                               + " and not a list of tasks; delete the key"};
}

} // namespace patio::redis
