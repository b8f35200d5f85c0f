#include <patio/redis/popping_link.hpp>

#include <utility>

#include <patio/redis/waiting_link.hpp>

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
  while (connection.is_ready() && busy_ + asked_ < workers_
         && asked_ < options_->tuning.pipelined_pops) {
    std::vector<std::string_view> parts{"BLPOP", wake_key_};
    for (std::size_t i = 0; i < names_.size(); ++i)
      parts.push_back(names_[(first_name_ + i) % names_.size()]);
    first_name_ = (first_name_ + 1) % names_.size();
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
  if (reply.kind == resp::type::null) return std::nullopt;
  if (reply.kind != resp::type::array || reply.items.size() != 2
      || reply.items[0].kind != resp::type::bulk || reply.items[1].kind != resp::type::bulk)
    return tl::unexpected(refusal(reply));
  if (reply.items[0].text == wake_key_) return std::nullopt;
  return popped_task{std::move(reply.items[0].text), std::move(reply.items[1])};
}

} // namespace patio::redis
